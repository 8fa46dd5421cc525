//! Collections that users keep to start them again.

mod record;
mod sql;

pub use record::*;
