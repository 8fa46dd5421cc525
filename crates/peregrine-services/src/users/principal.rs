//! The acting user, and the check that every service makes: [`Principal::authorize`].

use super::{Permission, Role, permissions_of, sessions};
use crate::{Core, Error, Result};
use std::collections::BTreeSet;

/// A signed-in user.
#[derive(Debug, Clone)]
pub struct Principal {
    pub name: String,
    pub roles: Vec<String>,
    pub permissions: BTreeSet<Permission>,
    /// Hash of the session's token; empty without a session, as is the next one.
    pub session: Vec<u8>,
    pub csrf_token: String,
    pub ip: String,
}

impl Principal {
    /// The server itself, which may do everything that an administrator may.
    pub fn of_server() -> Principal {
        let roles = vec![Role::Administrator.name().to_owned()];
        Principal {
            name: "server".to_owned(),
            permissions: permissions_of(&roles),
            roles,
            session: Vec::new(),
            csrf_token: String::new(),
            ip: String::new(),
        }
    }

    /// Fails if the user lacks the permission.
    pub fn authorize(&self, permission: Permission) -> Result<()> {
        if self.permissions.contains(&permission) {
            Ok(())
        } else {
            Err(Error::Forbidden(permission))
        }
    }
}

/// The user of an open session, by its token; `ip` is where the request comes from.
pub async fn identify(core: &Core, token: &str, ip: String) -> Result<Principal> {
    let session = sessions::token_hash(token);
    let found = sessions::find(core, &session).await?;
    let (found, user) = found.ok_or(Error::NotSignedIn)?;
    Ok(Principal {
        permissions: permissions_of(&user.roles),
        name: user.name,
        roles: user.roles,
        session,
        csrf_token: found.csrf_token,
        ip,
    })
}

/// The user of this name, for a caller who has proved it otherwise than with a session, from the address `ip`. Somebody without
/// an account, or with a locked one, has no permissions.
pub async fn named(core: &Core, name: &str, ip: String) -> Result<Principal> {
    let user = core.storage.database.user(name).await?;
    let (name, roles) = match user.filter(|user| !user.locked) {
        Some(user) => (user.name, user.roles),
        None => (name.to_owned(), Vec::new()),
    };
    Ok(Principal {
        permissions: permissions_of(&roles),
        name,
        roles,
        session: Vec::new(),
        csrf_token: String::new(),
        ip,
    })
}

/// Whether an open session still has a permission: for long requests, which must check again.
pub async fn still_may(core: &Core, session: &[u8], permission: Permission) -> Result<bool> {
    let found = sessions::find(core, session).await?;
    Ok(found.is_some_and(|(_, user)| permissions_of(&user.roles).contains(&permission)))
}
