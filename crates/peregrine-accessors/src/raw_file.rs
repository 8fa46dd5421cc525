//! The `raw_file` accessor: the path goes to the operating system untouched, so devices and pipes can be read.

use crate::{Accessor, Dialect, Error, FileInfo, FileReader, OsPath, Result};
use peregrine_engine::prelude::Scope;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Opens what the system opens. Listing makes no sense here.
#[derive(Debug, Default)]
pub(crate) struct RawFileAccessor;

impl Accessor for RawFileAccessor {
    fn name(&self) -> &'static str {
        "raw_file"
    }

    fn dialect(&self) -> Dialect {
        Dialect::Raw
    }

    fn read_dir(&self, _scope: &Scope, _path: &OsPath) -> Result<Vec<FileInfo>> {
        Err(Error::Unsupported {
            accessor: "raw_file",
            operation: "list directories",
        })
    }

    fn lstat(&self, scope: &Scope, path: &OsPath) -> Result<FileInfo> {
        crate::file::FileAccessor::default().lstat(scope, path)
    }

    fn open(&self, _scope: &Scope, path: &OsPath) -> Result<Box<dyn FileReader>> {
        let name = path.path_bytes();
        let file = File::open(OsStr::from_bytes(&name)).map_err(|error| Error::io(path, error))?;
        Ok(Box::new(file))
    }

    fn os_file_name(&self, path: &OsPath) -> Option<PathBuf> {
        Some(PathBuf::from(OsStr::from_bytes(&path.path_bytes())))
    }
}
