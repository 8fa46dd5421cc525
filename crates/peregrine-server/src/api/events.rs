//! Event rows of a client.

use super::extract::{Params, Path, SignedIn};
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::extract::State;
use peregrine_api::monitoring::{EventArtifacts, EventsQuery};
use peregrine_api::table::TablePage;
use peregrine_services::table::TableQuery;
use peregrine_services::{Error, Result, clients, clock};
use peregrine_store::{ClientId, Micros};
use std::sync::Arc;

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(client_id): Path<ClientId>,
) -> Answer<Json<EventArtifacts>> {
    Ok(Json(clients::events(&shared.core, &principal, &client_id).await?))
}

fn time(text: &Option<String>, name: &str) -> Result<Option<Micros>> {
    let Some(text) = text.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let time = clock::parse(text);
    time.map(Some)
        .ok_or_else(|| Error::BadRequest(format!("`{name}`: `{text}` is not an RFC 3339 time")))
}

pub(super) async fn rows(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path((client_id, artifact)): Path<(ClientId, String)>,
    Params(wanted): Params<EventsQuery>,
) -> Answer<Json<TablePage>> {
    let range = (time(&wanted.start, "start")?, time(&wanted.end, "end")?);
    let query = TableQuery::check(wanted.table())?;
    let rows = clients::event_rows(&shared.core, &principal, &client_id, &artifact, range, &query);
    Ok(Json(rows.await?))
}
