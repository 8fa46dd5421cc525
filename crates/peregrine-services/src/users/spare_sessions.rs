//! Sessions in memory, for when the database cannot store them: on a full disk somebody must still be able to sign in and free
//! space. They end with the server, or when the stored password no longer is the one they began with: other servers and the
//! command line cannot end them any other way.

use parking_lot::Mutex;
use peregrine_store::{Micros, Session, User};

/// Sessions kept; a further one ends the oldest.
const MAX_SESSIONS: usize = 100;

#[derive(Debug, Default)]
pub(crate) struct SpareSessions(Mutex<Vec<Spare>>);

#[derive(Debug, Clone)]
pub(super) struct Spare {
    pub(super) session: Session,
    /// Hash of the user's password at sign-in.
    password_hash: String,
}

impl Spare {
    /// Whether the user's stored password is still the same.
    pub(super) fn is_of(&self, user: &User) -> bool {
        self.password_hash == user.password_hash
    }
}

impl SpareSessions {
    pub(super) fn put(&self, session: Session, user: &User) {
        let mut sessions = self.0.lock();
        if sessions.len() >= MAX_SESSIONS {
            sessions.remove(0);
        }
        sessions.push(Spare {
            session,
            password_hash: user.password_hash.clone(),
        });
    }

    /// The session with this hash that has not expired.
    pub(super) fn get(&self, token_hash: &[u8], now: Micros) -> Option<Spare> {
        let mut sessions = self.0.lock();
        sessions.retain(|spare| spare.session.expires > now);
        let found = sessions
            .iter()
            .find(|spare| spare.session.token_hash == token_hash);
        found.cloned()
    }

    /// Ends a session; false if it is not one of these.
    pub(super) fn end(&self, token_hash: &[u8]) -> bool {
        let mut sessions = self.0.lock();
        let before = sessions.len();
        sessions.retain(|spare| spare.session.token_hash != token_hash);
        sessions.len() < before
    }

    /// Ends all sessions of a user except one, which continues under the user's new password.
    pub(super) fn end_others(&self, user: &User, except: &[u8]) {
        let name = user.name.to_lowercase();
        self.0.lock().retain_mut(|spare| {
            if spare.session.user.to_lowercase() != name {
                return true;
            }
            spare.password_hash.clone_from(&user.password_hash);
            spare.session.token_hash == except
        });
    }
}
