//! Queries that run on servers.

mod record;
mod sql;

pub use record::*;
