//! The verbs, one a file.

pub(crate) mod artifacts;
pub(crate) mod query;
mod session;
mod verify;
pub(crate) mod vql;
