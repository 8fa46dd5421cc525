//! Names of users by id, looked up once.

use crate::machine::machine;
use peregrine_engine::prelude::*;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Accounts are read again after this time, to find the names of new ones.
const FRESH: Duration = Duration::from_secs(60);

/// A small cache of the account database.
#[derive(Default)]
pub(crate) struct UserNames {
    names: HashMap<u32, Str>,
    read: Option<Instant>,
}

impl UserNames {
    /// The user's name, or the number as text when there is no such account.
    pub(crate) fn name(&mut self, scope: &Scope, uid: u32) -> Str {
        if self.read.is_none_or(|read| read.elapsed() > FRESH) {
            self.read = Some(Instant::now());
            if let Ok(users) =
                machine(scope).and_then(|machine| machine.users().map_err(crate::machine::failed))
            {
                self.names = users
                    .into_iter()
                    .map(|user| (user.uid, Str::new(user.name.as_encoded_bytes())))
                    .collect();
            }
        }
        match self.names.get(&uid) {
            Some(name) => name.clone(),
            None => Str::from(uid.to_string()),
        }
    }
}
