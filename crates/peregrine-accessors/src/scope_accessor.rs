//! The `scope` accessor: the path is the name of a variable, its text is the content.

use crate::{Accessor, Dialect, Error, FileInfo, FileReader, OsPath, Result, data::content_info};
use peregrine_engine::prelude::Scope;
use std::io::Cursor;

/// Content from a scope variable; avoids copying big strings into a path.
#[derive(Debug, Default)]
pub(crate) struct ScopeAccessor;

impl ScopeAccessor {
    fn content(scope: &Scope, path: &OsPath) -> Result<Vec<u8>> {
        let name = path.to_text();
        let value = scope.get(&name).ok_or(Error::NotFound(name))?;
        Ok(value.to_text(scope).to_vec())
    }
}

impl Accessor for ScopeAccessor {
    fn name(&self) -> &'static str {
        "scope"
    }

    fn dialect(&self) -> Dialect {
        Dialect::Raw
    }

    fn read_dir(&self, _scope: &Scope, _path: &OsPath) -> Result<Vec<FileInfo>> {
        Err(Error::Unsupported {
            accessor: "scope",
            operation: "list directories",
        })
    }

    fn lstat(&self, scope: &Scope, path: &OsPath) -> Result<FileInfo> {
        Ok(content_info(path, Self::content(scope, path)?.len()))
    }

    fn open(&self, scope: &Scope, path: &OsPath) -> Result<Box<dyn FileReader>> {
        Ok(Box::new(Cursor::new(Self::content(scope, path)?)))
    }
}
