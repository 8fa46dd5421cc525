//! What can go wrong. How it is told is up to whoever asked.

use crate::users::Permission;
use peregrine_artifacts::Error as ArtifactError;

/// Result of services.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure as its audience can act on it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody is signed in.
    #[error("sign in first")]
    NotSignedIn,
    /// Wrong user name or password.
    #[error("user name or password is wrong")]
    BadCredentials,
    /// Somebody signed in gave a wrong current password: no reason to end the session.
    #[error("the current password is wrong")]
    WrongPassword,
    /// Too many failed attempts.
    #[error("too many failed attempts; wait {0} seconds")]
    Throttled(u64),
    /// The user lacks a permission.
    #[error("permission `{0}` is needed; ask an administrator")]
    Forbidden(Permission),
    /// The thing asked for does not exist.
    #[error("{0} `{1}` not found")]
    NotFound(&'static str, String),
    /// The request makes no sense.
    #[error("{0}")]
    BadRequest(String),
    /// The new password is too easy.
    #[error("{0}")]
    WeakPassword(String),
    /// An artifact cannot be launched as it was asked for.
    #[error("{error}")]
    Artifact {
        /// Its name, or several.
        artifact: String,
        /// Why not.
        error: ArtifactError,
    },
    /// The question is larger than the server answers.
    #[error("{0}")]
    TooLarge(String),
    /// Storage refused.
    #[error(transparent)]
    Store(#[from] peregrine_store::Error),
    /// The envelope refused.
    #[error(transparent)]
    Wire(#[from] peregrine_wire::Error),
    /// The configuration cannot be used.
    #[error("{0}")]
    Config(String),
    /// The network or file system refused.
    #[error("{0}: {1}")]
    Io(String, #[source] std::io::Error),
    /// Something that should not happen.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// What is wrong with an artifact somebody asked for.
    pub(crate) fn artifact(artifact: &str, error: ArtifactError) -> Error {
        Error::Artifact {
            artifact: artifact.to_owned(),
            error,
        }
    }
}
