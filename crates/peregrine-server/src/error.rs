//! Errors of the API, and the one table that maps each to an HTTP status and code; the status of gRPC follows from that of HTTP.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use peregrine_api::error::{Detail, Failure, Fault};
use peregrine_artifacts::Error as ArtifactError;
use peregrine_services::Error;
use tonic::{Code, Status};

/// The result of a handler.
pub(crate) type Answer<T> = std::result::Result<T, Refusal>;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// A service failed.
    #[error(transparent)]
    Service(Error),
    /// The request may come from another site.
    #[error("{0}")]
    CrossSite(&'static str),
    /// The certificate of a program does not say, or no longer says, who it is.
    #[error("{0}")]
    Certificate(String),
    /// No handler has this path.
    #[error("API path `{0}` not found; the documentation lists all paths")]
    UnknownPath(String),
    /// The path has no such method.
    #[error("method `{0}` is not possible here; the documentation lists those that are")]
    UnknownMethod(Method),
    /// The body has more than so many bytes.
    #[error("the body is too large; it may have {0} bytes")]
    LargeBody(u64),
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Refusal {
        Refusal::Service(error.into())
    }
}

impl Refusal {
    /// HTTP status and error code.
    fn table(&self) -> (StatusCode, &'static str) {
        use peregrine_store::Error as Store;
        let error = match self {
            Refusal::Service(error) => error,
            Refusal::CrossSite(_) => return (StatusCode::FORBIDDEN, "cross_site"),
            Refusal::Certificate(_) => return (StatusCode::UNAUTHORIZED, "bad_certificate"),
            Refusal::UnknownMethod(_) => return (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Refusal::UnknownPath(_) => return (StatusCode::NOT_FOUND, "not_found"),
            Refusal::LargeBody(_) => return (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        };
        match error {
            Error::NotSignedIn => (StatusCode::UNAUTHORIZED, "not_signed_in"),
            Error::BadCredentials => (StatusCode::UNAUTHORIZED, "bad_credentials"),
            Error::WrongPassword => (StatusCode::FORBIDDEN, "wrong_password"),
            Error::Throttled(_) => (StatusCode::TOO_MANY_REQUESTS, "throttled"),
            Error::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many"),
            Error::Forbidden(_) => (StatusCode::FORBIDDEN, "permission_denied"),
            Error::NotFound(..) | Error::Store(Store::NotFound { .. }) => {
                (StatusCode::NOT_FOUND, "not_found")
            }
            Error::BadRequest(_) | Error::Store(Store::BadName(_) | Store::NameTooLong { .. }) => {
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
            Error::Store(Store::Objects(_) | Store::Busy(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "storage_unavailable")
            }
            Error::Store(Store::Closed) => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down"),
            Error::Store(_) | Error::Wire(_) | Error::Config(_) | Error::Io(..) | Error::Internal(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
        }
    }

    fn detail(&self) -> Option<Detail> {
        let Refusal::Service(error) = self else {
            return None;
        };
        match error {
            Error::Artifact { artifact, error } => {
                let (parameter, permission) = match error {
                    ArtifactError::Parameter { parameter, .. } => (Some(parameter), None),
                    ArtifactError::Denied { permission, .. } => (None, Some(permission)),
                    _ => (None, None),
                };
                Some(Detail::Artifact {
                    artifact: artifact.clone(),
                    parameter: parameter.cloned(),
                    permission: permission.cloned(),
                    message: error.to_string(),
                })
            }
            Error::Forbidden(permission) => Some(Detail::Permission {
                permission: permission.name().to_owned(),
            }),
            _ => None,
        }
    }
}

impl Refusal {
    /// As [`Refusal::table`], of a refusal that is now told.
    fn told(&self) -> (StatusCode, &'static str) {
        let (status, code) = self.table();
        if status.is_server_error() {
            tracing::error!(error = %self, code, "request failed");
        }
        (status, code)
    }

    /// The code of gRPC for an HTTP status.
    fn grpc_code(status: StatusCode) -> Code {
        match status {
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::PAYLOAD_TOO_LARGE => {
                Code::InvalidArgument
            }
            StatusCode::UNAUTHORIZED => Code::Unauthenticated,
            StatusCode::FORBIDDEN => Code::PermissionDenied,
            StatusCode::NOT_FOUND => Code::NotFound,
            StatusCode::CONFLICT => Code::AlreadyExists,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::INSUFFICIENT_STORAGE => Code::ResourceExhausted,
            StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
            _ => Code::Unknown,
        }
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Status {
        let (status, _) = refusal.told();
        Status::new(Refusal::grpc_code(status), refusal.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code) = self.told();
        let error = Fault {
            code: code.to_owned(),
            message: self.to_string(),
            detail: self.detail(),
        };
        let mut response = (status, Json(Failure { error })).into_response();
        if let Refusal::Service(Error::Throttled(seconds)) = self {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use super::*;
    use peregrine_services::users::Permission;
    use peregrine_store::Error as Store;
    use std::fmt::Write as _;

    /// Status, the headers it adds, and body.
    async fn told(refusal: Refusal) -> String {
        let response = refusal.into_response();
        let status = response.status();
        let mut out = format!("{status}, gRPC {:?}\n", Refusal::grpc_code(status));
        if let Some(seconds) = response.headers().get(header::RETRY_AFTER) {
            writeln!(out, "retry-after: {}", seconds.to_str().unwrap()).unwrap();
        }
        let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        out + &serde_json::to_string_pretty(&body["error"]).unwrap()
    }

    #[tokio::test]
    async fn every_refusal_as_it_is_told() {
        let text = || "what happened; what to do".to_owned();
        let artifact = |error| {
            let artifact = "Test.Rows".to_owned();
            Error::Artifact { artifact, error }
        };
        let of_artifacts = [
            ArtifactError::NotFound {
                name: "Test.Row".to_owned(),
                suggestion: Some("Test.Rows".to_owned()),
            },
            ArtifactError::Denied {
                permission: "EXECVE".to_owned(),
                artifact: "Test.Rows".to_owned(),
            },
            ArtifactError::Parameter {
                parameter: "Count".to_owned(),
                message: "needs a whole number, not `many`".to_owned(),
            },
        ];
        let of_store = [
            Store::Full(text()),
            Store::NotFound {
                what: "flow",
                id: "F.1".to_owned(),
            },
            Store::Exists {
                what: "user",
                id: "tester".to_owned(),
            },
            Store::Busy(text()),
            Store::BadName("../x".to_owned()),
            Store::NameTooLong {
                bytes: 1025,
                most: 1024,
            },
            Store::Damaged(text()),
            Store::Gone("peregrine.db".to_owned()),
            Store::Closed,
            Store::Sql(text()),
            Store::Objects(text()),
        ];
        let of_services = [
            Error::NotSignedIn,
            Error::BadCredentials,
            Error::WrongPassword,
            Error::Throttled(30),
            Error::Forbidden(Permission::CollectClient),
            Error::NotFound("client", "C.1".to_owned()),
            Error::BadRequest(text()),
            Error::WeakPassword(text()),
            Error::TooLarge(text()),
            Error::TooMany(text()),
            Error::Config(text()),
            Error::Internal(text()),
        ];
        let services = of_services.into_iter();
        let services = services
            .chain(of_artifacts.map(artifact))
            .chain(of_store.map(Error::Store));
        let mut refusals: Vec<Refusal> = services.map(Refusal::Service).collect();
        refusals.extend([
            Refusal::CrossSite("the request comes from another site"),
            Refusal::UnknownPath("/api/v1/nothing".to_owned()),
            Refusal::UnknownMethod(Method::PATCH),
            Refusal::LargeBody(2 << 20),
            Refusal::Certificate("the certificate of `ann` has expired".to_owned()),
        ]);
        let mut shown = Vec::new();
        for refusal in refusals {
            shown.push(told(refusal).await);
        }
        insta::assert_snapshot!(shown.join("\n\n"));
    }
}
