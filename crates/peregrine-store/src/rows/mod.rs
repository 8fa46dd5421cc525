//! Rows that agents send: applied exactly once, and read back.

mod catalogue;
mod chunks;
mod effects;
mod events;
mod objects;
mod read;
mod record;
mod sets;
mod sql;

pub(crate) use chunks::delete as delete_chunks;
pub use objects::LARGE_CHUNK;
pub(crate) use objects::RowObjects;
pub use record::*;
