//! Event rows of a client.

use super::extract::{Params, SignedIn};
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::extract::{Path, State};
use peregrine_services::table::{TablePage, TableParams};
use peregrine_services::{Error, Result, clients, clock};
use peregrine_store::Micros;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(client_id): Path<String>,
) -> Answer<Json<Value>> {
    Ok(Json(clients::events(&shared.core, &principal, &client_id).await?))
}

#[derive(Deserialize)]
pub(super) struct Range {
    start: Option<String>,
    end: Option<String>,
}

fn time(text: Option<String>, name: &str) -> Result<Option<Micros>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let time = clock::parse(&text);
    time.map(Some)
        .ok_or_else(|| Error::BadRequest(format!("`{name}`: `{text}` is not an RFC 3339 time")))
}

pub(super) async fn rows(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path((client_id, artifact)): Path<(String, String)>,
    Params(range): Params<Range>,
    Params(table): Params<TableParams>,
) -> Answer<Json<TablePage>> {
    let query = table.check()?;
    let range = (time(range.start, "start")?, time(range.end, "end")?);
    let rows = clients::event_rows(&shared.core, &principal, &client_id, &artifact, range, &query);
    Ok(Json(rows.await?))
}
