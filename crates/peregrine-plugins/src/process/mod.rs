//! Processes: the running ones, and those the tracker remembers.

mod process_members;
mod process_object;
pub(crate) mod pslist;
pub(crate) mod tracker;
mod users;

pub(crate) use process_object::path_value;
pub(crate) use users::UserNames;
