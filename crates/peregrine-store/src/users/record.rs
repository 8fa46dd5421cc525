//! Accounts and sessions as the database keeps them.

use crate::model::Micros;

/// A user account.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Name, compared without regard to case.
    pub name: String,
    /// PHC string of the password.
    pub password_hash: String,
    /// Role names.
    pub roles: Vec<String>,
    /// When it was made.
    pub created: Micros,
    /// May not sign in.
    pub locked: bool,
}

/// A signed-in browser.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// SHA-256 of the cookie's value.
    pub token_hash: Vec<u8>,
    /// User.
    pub user: String,
    /// CSRF token bound to it.
    pub csrf_token: String,
    /// When it was made.
    pub created: Micros,
    /// When it ends.
    pub expires: Micros,
}
