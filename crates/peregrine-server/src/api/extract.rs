//! Handler arguments, rejected with our own error bodies instead of axum's.

use crate::error::{Answer, Refusal};
use crate::gateway::Visitor;
use crate::shared::{Shared, peer_address};
use axum::Json;
use axum::body::HttpBody as _;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use http::request::Parts;
use http::{HeaderMap, Method, header};
use peregrine_services::Error;
use peregrine_services::users::{self, Principal};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// The cookie that carries the session token.
pub(super) const COOKIE: &str = "peregrine_session";

/// Largest body of a request, in bytes: axum's own limit.
const MAX_BODY: u64 = 2 << 20;

/// The signed-in user. A handler that takes this argument already refuses anonymous and cross-site requests.
pub(super) struct SignedIn(pub(super) Principal);

impl FromRequestParts<Arc<Shared>> for SignedIn {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Answer<SignedIn> {
        let ip = peer_address(parts, &shared.config.gui.forwarded_proxy_header);
        let token = session_token(&parts.headers).ok_or(Error::NotSignedIn)?;
        let principal = users::identify(&shared.core, token, ip).await?;
        if parts.method != Method::GET && parts.method != Method::HEAD {
            let given = parts
                .headers
                .get("x-csrf-token")
                .map(|value| value.as_bytes())
                .unwrap_or_default();
            if !bool::from(given.ct_eq(principal.csrf_token.as_bytes())) {
                return Err(Refusal::CrossSite(
                    "header `X-CSRF-Token` is missing or wrong; reload the page",
                ));
            }
        }
        if let Some(visitor) = parts.extensions.get::<Arc<Visitor>>() {
            visitor.prove();
        }
        Ok(SignedIn(principal))
    }
}

fn session_token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    cookies.flat_map(|value| value.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    })
}

/// The ids in the address.
pub(super) struct Path<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Path<T>> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        let path = path.map_err(|error| Error::BadRequest(format!("address: {}", reason(error))))?;
        Ok(Path(path.0))
    }
}

/// Why ids cannot be read: as they put it themselves, where they say it.
fn reason(rejection: PathRejection) -> String {
    if let PathRejection::FailedToDeserializePathParams(failed) = &rejection
        && let ErrorKind::DeserializeError { message, .. } | ErrorKind::Message(message) = failed.kind()
    {
        return message.clone();
    }
    rejection.body_text()
}

/// The query string.
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Params<T>> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        let query = query.map_err(|error| refused("query string", &error, error.body_text()))?;
        Ok(Params(query.0))
    }
}

/// For handlers without parameters: any query string is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoQuery {}

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Answer<Body<T>> {
        // Refused before it is sent, where its length is announced.
        if request.body().size_hint().lower() > MAX_BODY {
            return Err(Refusal::LargeBody(MAX_BODY));
        }
        let body = Json::<T>::from_request(request, state).await;
        let body = body.map_err(|error| refused("body", &error, error.body_text()))?;
        Ok(Body(body.0))
    }
}

/// Why a part of a request cannot be read. Prefers the deserializer's message, which lists the accepted names, to axum's.
fn refused(part: &str, error: &dyn std::error::Error, otherwise: String) -> Error {
    let reason = error.source().map_or(otherwise, ToString::to_string);
    Error::BadRequest(format!("{part}: {reason}"))
}
