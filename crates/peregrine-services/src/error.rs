//! Errors of services. Callers map them to a status or a message of their own protocol.

use crate::users::Permission;
use peregrine_artifacts::Error as ArtifactError;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure, in terms the user can act on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("sign in first")]
    NotSignedIn,
    /// Wrong user name or password; does not say which.
    #[error("user name or password is wrong")]
    BadCredentials,
    /// A signed-in user gave a wrong current password. Unlike [`Error::NotSignedIn`], this does not end the session.
    #[error("the current password is wrong")]
    WrongPassword,
    /// Too many failed attempts; holds the seconds to wait.
    #[error("too many failed attempts; wait {0} seconds")]
    Throttled(u64),
    #[error("permission `{0}` is needed; ask an administrator")]
    Forbidden(Permission),
    /// The kind of thing that does not exist, and its id or name.
    #[error("{0} `{1}` not found")]
    NotFound(&'static str, String),
    /// The request is invalid; says why.
    #[error("{0}")]
    BadRequest(String),
    /// The new password is too easy to guess; says why.
    #[error("{0}")]
    WeakPassword(String),
    /// An artifact cannot be launched as requested.
    #[error("{error}")]
    Artifact {
        /// Its name, or several separated by commas.
        artifact: String,
        error: ArtifactError,
    },
    /// The request exceeds a limit of the server; says which.
    #[error("{0}")]
    TooLarge(String),
    /// Too much is going on at once; says what, and what to do.
    #[error("{0}")]
    TooMany(String),
    #[error(transparent)]
    Store(#[from] peregrine_store::Error),
    #[error(transparent)]
    Wire(#[from] peregrine_wire::Error),
    /// The configuration cannot be used; says why, and what to do.
    #[error("{0}")]
    Config(String),
    /// A path or address, and what the operating system answered.
    #[error("{0}: {1}")]
    Io(String, #[source] std::io::Error),
    /// A bug, or damaged stored data.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    pub(crate) fn artifact(artifact: &str, error: ArtifactError) -> Error {
        Error::Artifact {
            artifact: artifact.to_owned(),
            error,
        }
    }
}
