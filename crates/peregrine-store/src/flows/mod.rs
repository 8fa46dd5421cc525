//! Collections, their tasks and files, and what is missing from them.

pub(crate) mod completions;
mod missing;
mod record;
mod sql;
mod tasks;

pub use missing::Gaps;
pub use record::*;

pub(crate) use missing::{lost, settle, upload_begun};
pub(crate) use record::state_number;
pub(crate) use tasks::{answered, queue_again};
