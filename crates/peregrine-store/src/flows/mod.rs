//! Collections, their tasks and files, and what is missing from them.

mod missing;
mod record;
mod sql;
mod tasks;

pub use record::*;

pub(crate) use missing::{Gaps, lost, settle, upload_begun};
pub(crate) use record::state_number;
pub(crate) use tasks::{answered, queue_again};
