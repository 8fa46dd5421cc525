//! Sessions that could not be stored: on a full disk somebody must still get in to make room. They end with the server.

use parking_lot::Mutex;
use peregrine_store::{Micros, Session};

/// Sessions kept; beyond, the oldest ends.
const MAX_SESSIONS: usize = 100;

#[derive(Debug, Default)]
pub(crate) struct SpareSessions(Mutex<Vec<Session>>);

impl SpareSessions {
    pub(super) fn put(&self, session: Session) {
        let mut sessions = self.0.lock();
        if sessions.len() >= MAX_SESSIONS {
            sessions.remove(0);
        }
        sessions.push(session);
    }

    /// The session with this hash that has not expired.
    pub(super) fn get(&self, token_hash: &[u8], now: Micros) -> Option<Session> {
        let mut sessions = self.0.lock();
        sessions.retain(|session| session.expires > now);
        let found = sessions.iter().find(|session| session.token_hash == token_hash);
        found.cloned()
    }

    /// Ends a session; false when it is none of these.
    pub(super) fn end(&self, token_hash: &[u8]) -> bool {
        let mut sessions = self.0.lock();
        let before = sessions.len();
        sessions.retain(|session| session.token_hash != token_hash);
        sessions.len() < before
    }

    /// Ends all sessions of a user but one.
    pub(super) fn end_others(&self, user: &str, except: &[u8]) {
        let is_other = |session: &Session| {
            session.user.to_lowercase() == user.to_lowercase() && session.token_hash != except
        };
        self.0.lock().retain(|session| !is_other(session));
    }
}
