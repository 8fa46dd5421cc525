//! Accounts and sessions.

mod record;
mod sql;

pub use record::*;
