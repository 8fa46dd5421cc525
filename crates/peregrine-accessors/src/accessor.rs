//! The interface of all sources of files.

use crate::{Dialect, FileInfo, OsPath};
use peregrine_engine::prelude::Scope;
use std::io::{Read, Seek};
use std::path::PathBuf;

/// Why an accessor operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The path does not exist.
    #[error("`{0}`: no such file or directory")]
    NotFound(String),
    /// The text is not a path in the accessor's dialect.
    #[error("{0}")]
    BadPath(String),
    /// Only regular files are opened, so that devices, pipes and sockets cannot block a query.
    #[error("Only regular files supported (not {0})")]
    NotRegular(String),
    /// A symbolic link leads back to a directory this listing has already visited.
    #[error("Symlink cycle detected at `{0}`")]
    Cycle(String),
    /// The accessor has no such operation.
    #[error("accessor `{accessor}` can not {operation}")]
    Unsupported {
        /// The accessor's name.
        accessor: &'static str,
        /// The requested operation.
        operation: &'static str,
    },
    /// No accessor has this name.
    #[error("Unknown filesystem accessor {0}")]
    UnknownAccessor(String),
    /// The operating system's error, with the path.
    #[error("`{path}`: {source}")]
    Io {
        /// The path as shown to users.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// Wraps an I/O error with the path it is about.
    #[must_use]
    pub fn io(path: &OsPath, source: std::io::Error) -> Error {
        if source.kind() == std::io::ErrorKind::NotFound {
            return Error::NotFound(path.to_text());
        }
        Error::Io {
            path: path.to_text(),
            source,
        }
    }
}

/// Result of an accessor operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An open file.
pub trait FileReader: Read + Seek + Send {}
impl<T: Read + Seek + Send> FileReader for T {}

/// A source of files. One instance serves one plugin call, so it may keep per-call state (visited directories).
pub trait Accessor: Send + Sync {
    /// The name queries use.
    fn name(&self) -> &'static str;

    /// Distinguishes its files from those of other accessors with the same paths, in caches of a query.
    fn identity(&self) -> String {
        self.name().to_owned()
    }

    /// The dialect of its paths.
    fn dialect(&self) -> Dialect;

    /// Parses text into a path.
    fn parse_path(&self, text: &[u8]) -> Result<OsPath> {
        OsPath::parse(self.dialect(), text)
    }

    /// Lists one directory, not recursively.
    fn read_dir(&self, scope: &Scope, path: &OsPath) -> Result<Vec<FileInfo>>;

    /// Lists one directory for a caller that does not need all of it. `wanted` is called with each name, and
    /// with whether it may be a directory or lead to one. Entries it rejects may be left out without looking
    /// at the file.
    fn read_dir_for(
        &self,
        scope: &Scope,
        path: &OsPath,
        _wanted: &dyn Fn(&[u8], bool) -> bool,
    ) -> Result<Vec<FileInfo>> {
        self.read_dir(scope, path)
    }

    /// Describes a file without following a final symbolic link.
    fn lstat(&self, scope: &Scope, path: &OsPath) -> Result<FileInfo>;

    /// Opens a file for reading.
    fn open(&self, scope: &Scope, path: &OsPath) -> Result<Box<dyn FileReader>>;

    /// The path for the operating system, if there is one.
    fn os_file_name(&self, _path: &OsPath) -> Option<PathBuf> {
        None
    }

    /// The target of a symbolic link; `None` if links are not followed.
    fn read_link(&self, _scope: &Scope, _path: &OsPath) -> Option<OsPath> {
        None
    }
    /// The text of a symbolic link as stored; `None` if the path is not a link, or links are not supported.
    fn link_target(&self, _scope: &Scope, _path: &OsPath) -> Option<Vec<u8>> {
        None
    }

    /// Like [`Accessor::open`], for a path that was found to contain no links. If files can change meanwhile,
    /// the accessor makes sure of that where it can.
    fn open_without_links(&self, scope: &Scope, path: &OsPath) -> Result<Box<dyn FileReader>> {
        self.open(scope, path)
    }
}
