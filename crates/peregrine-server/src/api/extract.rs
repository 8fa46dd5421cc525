//! Arguments of handlers, with our error answers.

use crate::{Error, Result};
use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use http::request::Parts;
use serde::de::DeserializeOwned;

/// The query string.
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Params<T>> {
        let query =
            Query::<T>::try_from_uri(&parts.uri).map_err(|error| Error::BadRequest(error.body_text()))?;
        Ok(Params(query.0))
    }
}

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>> {
        let body = Json::<T>::from_request(request, state).await;
        body.map(|body| Body(body.0))
            .map_err(|error| Error::BadRequest(error.body_text()))
    }
}
