//! Rows: what agents send, applied once, and read back.

mod effects;
mod events;
mod record;
mod sets;
mod sql;

pub use record::*;
