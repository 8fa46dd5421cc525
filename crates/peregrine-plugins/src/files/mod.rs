//! Finding and reading files.

pub(crate) mod cat;
pub(crate) mod glob;
pub(crate) mod read_file;
pub(crate) mod stat;
mod tar;
pub(crate) mod unzip;
pub(crate) mod vfs_ls;
