//! Sources of files: [`OsPath`] in several dialects, [`Accessor`]s that open and list files, and globbing.
//! Destinations of uploads: [`Uploader`]. [`remapping`] replaces files by others.
//!
//! Deliberately absent: anything about the server; the forensic file formats themselves
//! (`peregrine-formats`).
#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods)] // the reasons are in clippy.toml

mod accessor;
mod data;
mod detached;
mod dialect;
mod file;
mod file_info;
mod glob;
mod glob_pattern;
mod manager;
mod mode;
mod os_path;
mod os_path_value;
mod pathspec;
mod pipe;
mod raw_file;
pub mod remapping;
mod remote;
mod scope_accessor;
mod system_stat;
mod upload;

pub use accessor::{Accessor, Error, FileReader, Result};
pub use dialect::Dialect;
pub use file_info::{FILE_MEMBERS, FileInfo, FileTimes};
pub use glob::{Descend, Found, GlobOptions, glob};
pub use glob_pattern::{Pattern, expand_braces};
pub use manager::{AccessorManager, accessor};
pub use mode::FileMode;
pub use os_path::OsPath;
pub use os_path_value::{PathArg, PathList, coerce};
pub use pathspec::Pathspec;
pub use pipe::Pipe;
pub use system_stat::SystemStat;
pub use upload::{
    UPLOAD_PIECE, Upload, UploadFile, UploadLedger, UploadTimes, Uploaded, Uploader, UploaderHandle,
};
