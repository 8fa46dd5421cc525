//! Signing in and out.

use serde::{Deserialize, Serialize};

/// Body of `POST session`.
#[derive(Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
}

/// Body of `PUT session/password`.
#[derive(Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// The current password.
    pub current: String,
    /// The new password.
    pub new: String,
}

/// Answer of `POST session`; the session cookie is set with it.
#[derive(Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SignedIn {
    /// The user who signed in.
    pub user: User,
    /// Must be sent in the header `X-CSRF-Token` with every request that changes something.
    pub csrf_token: String,
}

/// Answer of `GET session`.
#[derive(Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Session {
    /// The signed-in user.
    pub user: User,
    /// Must be sent in the header `X-CSRF-Token` with every request that changes something.
    pub csrf_token: String,
    /// The server that answers.
    pub server: ServerVersion,
}

/// The signed-in user.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct User {
    /// User name.
    pub name: String,
    /// Names of roles.
    pub roles: Vec<String>,
    /// Names of the permissions that these roles grant.
    pub permissions: Vec<String>,
}

/// Name, version and start of a server.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ServerVersion {
    /// Product name, from the configuration.
    pub name: String,
    /// Its version.
    pub version: String,
    /// When it was started.
    pub started_at: String,
}
