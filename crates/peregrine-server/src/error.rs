//! What can go wrong, and the one table that says how it is told over HTTP.

use crate::users::Permission;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use peregrine_artifacts::Error as ArtifactError;
use serde_json::{Value, json};

/// Result of server code.
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
    #[error("permission {0} is needed; ask an administrator")]
    Forbidden(Permission),
    /// The request may come from another site.
    #[error("{0}")]
    CrossSite(&'static str),
    /// The thing asked for does not exist.
    #[error("no {0} `{1}`")]
    NotFound(&'static str, String),
    /// No handler has this path.
    #[error("no API path `{0}`; the documentation lists those there are")]
    UnknownPath(String),
    /// The path has no such method.
    #[error("method `{0}` is not possible here; the documentation lists those that are")]
    UnknownMethod(http::Method),
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

    /// HTTP status and code of each error.
    fn table(&self) -> (StatusCode, &'static str) {
        use peregrine_store::Error as Store;
        match self {
            Error::NotSignedIn => (StatusCode::UNAUTHORIZED, "not_signed_in"),
            Error::BadCredentials => (StatusCode::UNAUTHORIZED, "bad_credentials"),
            Error::WrongPassword => (StatusCode::FORBIDDEN, "wrong_password"),
            Error::Throttled(_) => (StatusCode::TOO_MANY_REQUESTS, "throttled"),
            Error::Forbidden(_) => (StatusCode::FORBIDDEN, "permission_denied"),
            Error::CrossSite(_) => (StatusCode::FORBIDDEN, "cross_site"),
            Error::UnknownMethod(_) => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Error::NotFound(..) | Error::UnknownPath(_) | Error::Store(Store::NotFound { .. }) => {
                (StatusCode::NOT_FOUND, "not_found")
            }
            Error::BadRequest(_) | Error::Store(Store::BadName(_)) => {
                (StatusCode::BAD_REQUEST, "bad_request")
            }
            Error::WeakPassword(_) => (StatusCode::BAD_REQUEST, "weak_password"),
            Error::Artifact { error, .. } => match error {
                ArtifactError::Denied { .. } => (StatusCode::FORBIDDEN, "permission_denied"),
                _ => (StatusCode::BAD_REQUEST, "bad_parameter"),
            },
            Error::TooLarge(_) => (StatusCode::UNPROCESSABLE_ENTITY, "too_large"),
            Error::Store(Store::Exists { .. }) => (StatusCode::CONFLICT, "exists"),
            Error::Store(Store::Full(_)) => (StatusCode::INSUFFICIENT_STORAGE, "storage_full"),
            Error::Store(Store::Gone(_)) => (StatusCode::SERVICE_UNAVAILABLE, "storage_gone"),
            Error::Store(Store::Closed) => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down"),
            Error::Store(_) | Error::Wire(_) | Error::Config(_) | Error::Io(..) | Error::Internal(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
        }
    }

    fn detail(&self) -> Value {
        match self {
            Error::Artifact { artifact, error } => {
                let (parameter, permission) = match error {
                    ArtifactError::Parameter { parameter, .. } => (Some(parameter), None),
                    ArtifactError::Denied { permission, .. } => (None, Some(permission)),
                    _ => (None, None),
                };
                json!({"artifact": artifact, "parameter": parameter, "permission": permission,
                    "message": error.to_string()})
            }
            Error::Forbidden(permission) => json!({"permission": permission.name()}),
            _ => Value::Null,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, code) = self.table();
        if status.is_server_error() {
            tracing::error!(error = %self, code, "request failed");
        }
        let body =
            Json(json!({"error": {"code": code, "message": self.to_string(), "detail": self.detail()}}));
        let mut response = (status, body).into_response();
        if let Error::Throttled(seconds) = self {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
