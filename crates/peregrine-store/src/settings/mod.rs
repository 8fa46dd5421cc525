//! Named values and the audit log.

mod record;
mod sql;

pub use record::*;
