//! Errors from queries to the machine.

use crate::events::SourceKind;

/// The result of a query to the machine.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the machine could not be queried.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file the system provides could not be read.
    #[error("reading `{path}`: {source}")]
    Read {
        /// The file.
        path: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// A system call failed.
    #[error("{action}: {source}")]
    System {
        /// What was attempted.
        action: &'static str,
        /// The system's error.
        source: std::io::Error,
    },
    /// An event source cannot work on this machine.
    #[error("process event source `{kind}` does not work here: {reason}")]
    Unavailable {
        /// The source.
        kind: SourceKind,
        /// The reason, for the operator.
        reason: String,
    },
}

#[cfg(target_os = "linux")]
impl Error {
    pub(crate) fn read(path: impl Into<String>, source: impl Into<std::io::Error>) -> Self {
        Self::Read {
            path: path.into(),
            source: source.into(),
        }
    }

    pub(crate) fn system(action: &'static str, source: impl Into<std::io::Error>) -> Self {
        Self::System {
            action,
            source: source.into(),
        }
    }

    pub(crate) fn unavailable(kind: SourceKind, reason: impl std::fmt::Display) -> Self {
        Self::Unavailable {
            kind,
            reason: reason.to_string(),
        }
    }
}
