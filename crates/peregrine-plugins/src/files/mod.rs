//! Finding and reading files.

pub(crate) mod glob;
pub(crate) mod read_file;
pub(crate) mod stat;
