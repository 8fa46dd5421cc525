//! Accounts and sessions as the database keeps them.

use crate::model::Micros;

/// A user account.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Name, compared without regard to case.
    pub name: String,
    /// PHC string of the password; empty for a user who has none and so cannot sign in.
    pub password_hash: String,
    /// Role names.
    pub roles: Vec<String>,
    /// When it was created.
    pub created: Micros,
    /// A locked account cannot sign in.
    pub locked: bool,
}

impl User {
    /// Whether the user can sign in with a password.
    #[must_use]
    pub fn can_sign_in(&self) -> bool {
        !self.locked && !self.password_hash.is_empty()
    }
}

/// A signed-in browser.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// SHA-256 of the cookie's value.
    pub token_hash: Vec<u8>,
    /// Name of the user.
    pub user: String,
    /// CSRF token bound to this session.
    pub csrf_token: String,
    /// When the user signed in.
    pub created: Micros,
    /// When it expires.
    pub expires: Micros,
}
