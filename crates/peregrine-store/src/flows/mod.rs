//! Collections, their tasks and files, and what is missing from them.

pub(crate) mod completions;
mod missing;
mod record;
mod sql;
mod tasks;

pub use missing::Gaps;
pub use record::*;

pub(crate) use missing::{lost, settle, upload_begun};
pub(crate) use record::{flow_state, state_number};
pub(crate) use sql::{insert, search_text};
pub(crate) use tasks::{answered, queue_again};
