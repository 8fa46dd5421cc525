//! Storage failures, distinguished by what a caller can do about them.

use std::sync::Arc;

/// Result of a storage operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A storage failure. Cloneable, because one failed commit fails every write that shared it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The disk or its quota is full; nothing was written.
    #[error("storage is full ({0}); free some space, agents keep their data and send it again")]
    Full(String),
    /// Another process holds this folder.
    #[error("datastore `{0}` is in use by another process; stop that one or choose another folder")]
    Locked(String),
    /// The database was written by a newer program.
    #[error(
        "database schema is version {found}, this program knows versions up to {known}; start a newer program"
    )]
    SchemaTooNew {
        /// Version found in the file.
        found: i64,
        /// Newest version this program can read.
        known: i64,
    },
    /// The database was written by an older program and was opened for reading only, so it cannot be upgraded.
    #[error(
        "database schema is version {found}, this program reads version {known}; start the server of this program once, which brings \
         it up to date"
    )]
    SchemaTooOld {
        /// Version found in the file.
        found: i64,
        /// Version this program reads.
        known: i64,
    },
    /// A write to a database that was opened for reading only.
    #[error("the database was opened for reading only")]
    ReadOnly,
    /// The thing asked for does not exist.
    #[error("{what} `{id}` not found")]
    NotFound {
        /// Kind of thing, such as `client`.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// A thing of that name already exists.
    #[error("{what} `{id}` exists already")]
    Exists {
        /// Kind of thing.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// A store address that cannot be used; the message contains none of its secrets.
    #[error("{0}")]
    BadAddress(String),
    /// The database server is unreachable, or another transaction was in the way.
    #[error("database: {0}; it is tried again")]
    Busy(String),
    /// A name that cannot be stored safely.
    #[error("bad object name `{0}`: components must not be empty or begin with a dot")]
    BadName(String),
    /// A name longer than object stores allow.
    #[error("object name of {bytes} bytes is longer than the {most} that object stores keep")]
    NameTooLong {
        /// Length of the name.
        bytes: usize,
        /// Longest allowed.
        most: usize,
    },
    /// Stored bytes do not decode.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// More data than fits in one piece.
    #[error("{bytes} bytes are more than the {most} that can be stored in one piece")]
    TooLarge {
        /// Size of the data.
        bytes: usize,
        /// Largest allowed.
        most: usize,
    },
    /// The database file was deleted or replaced while in use.
    #[error(
        "database `{0}` was deleted or replaced while the server runs, so nothing is stored any more; put the file back from a backup \
         and start the server again, agents keep their data until then"
    )]
    Gone(String),
    /// The storage was shut down.
    #[error("storage is closed")]
    Closed,
    /// The database reported an error.
    #[error("database: {0}")]
    Sql(String),
    /// The object store refused the request or cannot be reached.
    #[error("objects at {0}")]
    Objects(String),
    /// The bus server refused or cannot be reached.
    #[error("bus: {0}")]
    Bus(String),
    /// The file system reported an error.
    #[error("file system: {0}")]
    Io(Arc<std::io::Error>),
}

impl Error {
    /// Shorthand for [`Error::NotFound`].
    pub fn not_found(what: &'static str, id: impl std::fmt::Display) -> Error {
        Error::NotFound {
            what,
            id: id.to_string(),
        }
    }

    /// Whether the same request may succeed later without anybody changing it.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Error::Full(_)
                | Error::Gone(_)
                | Error::Closed
                | Error::Busy(_)
                | Error::Sql(_)
                | Error::Objects(_)
                | Error::Bus(_)
                | Error::Io(_)
        )
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Error::Full(error.to_string())
            }
            _ => Error::Io(Arc::new(error)),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Error {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Error::Full(error.to_string()),
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Error::Damaged(error.to_string())
            }
            _ => Error::Sql(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Error {
        Error::Damaged(error.to_string())
    }
}
