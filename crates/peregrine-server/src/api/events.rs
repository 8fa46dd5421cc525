//! Event rows of a client.

use super::extract::{Params, SignedIn};
use super::results::declared;
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::extract::{Path, State};
use peregrine_services::table::{SetSource, TablePage, TableParams, page};
use peregrine_services::users::Permission;
use peregrine_services::{Error, Result, clients, clock};
use peregrine_store::{Micros, SetKind};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(client_id): Path<String>,
) -> Answer<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    clients::get(&shared.core, &client_id).await?;
    let sets = shared.core.storage.database.event_sets(&client_id).await?;
    let views: Vec<Value> = sets
        .iter()
        .filter(|set| set.kind == SetKind::Events)
        .map(|set| {
            let (first, last) = set
                .span
                .map(|(first, last)| (clock::show(first), clock::show(last)))
                .unzip();
            json!({"name": set.name, "rows": set.rows(), "first": first, "last": last})
        })
        .collect();
    Ok(Json(json!({"artifacts": views})))
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
    principal.authorize(Permission::ReadResults)?;
    let query = table.check()?;
    let (start, end) = (time(range.start, "start")?, time(range.end, "end")?);
    let database = &shared.core.storage.database;
    let sets = database.event_sets(&client_id).await?;
    let set = sets
        .iter()
        .find(|set| set.kind == SetKind::Events && set.name == artifact);
    let set = set.ok_or_else(|| Error::NotFound("event artifact", artifact.clone()))?;
    let range = database.row_range(set.id, start, end).await?;
    let source = SetSource::new(database.clone(), set).within(range);
    Ok(Json(
        page(
            &shared.core,
            &source,
            &query,
            &declared(&shared, &artifact),
            false,
        )
        .await?,
    ))
}
