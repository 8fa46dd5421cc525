//! The servers that work on one database.

mod record;
mod sql;

pub use record::*;

pub(crate) use sql::beat;
