//! The `data` accessor: the path itself is the content, so that text can be parsed where a file is expected.

use crate::{Accessor, Dialect, Error, FileInfo, FileMode, FileReader, FileTimes, OsPath, Result};
use peregrine_engine::prelude::{Dict, Scope, Time};
use std::io::Cursor;

/// Content from a string.
#[derive(Debug, Default)]
pub(crate) struct DataAccessor;

/// A made-up entry for content that is not a file.
pub(crate) fn content_info(path: &OsPath, size: usize) -> FileInfo {
    let zero = Time::ZERO;
    FileInfo {
        path: path.clone(),
        size: i64::try_from(size).unwrap_or(i64::MAX),
        mode: FileMode(0o644),
        times: FileTimes {
            modified: zero,
            accessed: zero,
            changed: zero,
            born: zero,
        },
        data: Dict::new(),
        link: None,
        system: None,
    }
}

impl Accessor for DataAccessor {
    fn name(&self) -> &'static str {
        "data"
    }

    fn dialect(&self) -> Dialect {
        Dialect::Raw
    }

    fn read_dir(&self, _scope: &Scope, _path: &OsPath) -> Result<Vec<FileInfo>> {
        Err(Error::Unsupported {
            accessor: "data",
            operation: "list directories",
        })
    }

    fn lstat(&self, _scope: &Scope, path: &OsPath) -> Result<FileInfo> {
        Ok(content_info(path, path.path_bytes().len()))
    }

    fn open(&self, _scope: &Scope, path: &OsPath) -> Result<Box<dyn FileReader>> {
        Ok(Box::new(Cursor::new(path.path_bytes())))
    }
}
