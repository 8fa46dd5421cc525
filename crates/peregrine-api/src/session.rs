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
    /// The password until now.
    pub current: String,
    /// The password from now on.
    pub new: String,
}

/// Answer of `POST session`; the cookie comes with it.
#[derive(Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SignedIn {
    /// Who is signed in.
    pub user: User,
    /// Every change must carry this in the header `X-CSRF-Token`.
    pub csrf_token: String,
}

/// Answer of `GET session`.
#[derive(Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Session {
    /// Who is signed in.
    pub user: User,
    /// Every change must carry this in the header `X-CSRF-Token`.
    pub csrf_token: String,
    /// The server itself.
    pub server: ServerVersion,
}

/// Who is signed in.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct User {
    /// User name.
    pub name: String,
    /// Names of roles.
    pub roles: Vec<String>,
    /// Names of what these roles allow together.
    pub permissions: Vec<String>,
}

/// Which server this is.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ServerVersion {
    /// What it calls itself.
    pub name: String,
    /// Its version.
    pub version: String,
    /// When it was started.
    pub started_at: String,
}
