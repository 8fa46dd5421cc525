//! Rows and logs of a collection.

use super::extract::{Params, SignedIn};
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header;
use peregrine_artifacts::ColumnType;
use peregrine_services::table::{
    Format, SetSource, TablePage, TableParams, export as export_rows, facets as count_values, page,
};
use peregrine_services::users::Permission;
use peregrine_services::{Error, Result, audit, flows};
use peregrine_store::{FlowState, ResultSet, SetKind};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
pub(super) struct Source {
    #[serde(default)]
    source: String,
}

/// A set that exists as soon as its name is known: before rows come it is empty.
fn nothing(kind: SetKind) -> ResultSet {
    ResultSet {
        id: -1,
        kind,
        name: String::new(),
        first_row: 0,
        end_row: 0,
        span: None,
    }
}

async fn find_set(
    shared: &Shared,
    client_id: &str,
    flow_id: &str,
    kind: SetKind,
    name: &str,
) -> Result<ResultSet> {
    let sets = shared
        .core
        .storage
        .database
        .result_sets(client_id, flow_id)
        .await?;
    let mut sets = sets.into_iter().filter(|set| set.kind == kind);
    Ok(sets
        .find(|set| name.is_empty() || set.name == name)
        .unwrap_or_else(|| nothing(kind)))
}

/// Column types an artifact declares.
pub(super) fn declared(shared: &Shared, source: &str) -> Vec<ColumnType> {
    let artifact = source.split('/').next().unwrap_or_default();
    shared
        .core
        .artifacts
        .get(artifact)
        .map(|artifact| artifact.column_types.clone())
        .unwrap_or_default()
}

pub(super) async fn rows(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path((client_id, flow_id)): Path<(String, String)>,
    Params(Source { source }): Params<Source>,
    Params(table): Params<TableParams>,
) -> Answer<Json<TablePage>> {
    principal.authorize(Permission::ReadResults)?;
    show(&shared, &client_id, &flow_id, SetKind::Rows, &source, table).await
}

pub(super) async fn logs(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path((client_id, flow_id)): Path<(String, String)>,
    Params(table): Params<TableParams>,
) -> Answer<Json<TablePage>> {
    principal.authorize(Permission::ReadResults)?;
    show(&shared, &client_id, &flow_id, SetKind::Logs, "", table).await
}

async fn show(
    shared: &Shared,
    client_id: &str,
    flow_id: &str,
    kind: SetKind,
    name: &str,
    table: TableParams,
) -> Answer<Json<TablePage>> {
    let query = table.check()?;
    let flow = flows::get(&shared.core, client_id, flow_id).await?;
    let set = find_set(shared, client_id, flow_id, kind, name).await?;
    let columns = declared(shared, &set.name);
    let source = SetSource::new(shared.core.storage.database.clone(), &set);
    let is_complete = flow.state != FlowState::Running;
    Ok(Json(
        page(&shared.core, &source, &query, &columns, is_complete).await?,
    ))
}

#[derive(Deserialize)]
pub(super) struct Column {
    column: String,
}

pub(super) async fn facets(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path((client_id, flow_id)): Path<(String, String)>,
    Params(Source { source }): Params<Source>,
    Params(Column { column }): Params<Column>,
    Params(table): Params<TableParams>,
) -> Answer<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let query = table.check()?;
    flows::get(&shared.core, &client_id, &flow_id).await?;
    let set = find_set(&shared, &client_id, &flow_id, SetKind::Rows, &source).await?;
    let rows = SetSource::new(shared.core.storage.database.clone(), &set);
    Ok(Json(count_values(&rows, &column, query.filters).await?))
}

#[derive(Deserialize)]
pub(super) struct Export {
    format: Format,
    columns: Option<String>,
}

pub(super) async fn export(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path((client_id, flow_id)): Path<(String, String)>,
    Params(Source { source }): Params<Source>,
    Params(wanted): Params<Export>,
    Params(table): Params<TableParams>,
) -> Answer<Response> {
    principal.authorize(Permission::ReadResults)?;
    let query = table.check()?;
    flows::get(&shared.core, &client_id, &flow_id).await?;
    let set = find_set(&shared, &client_id, &flow_id, SetKind::Rows, &source).await?;
    if set.id < 0 && !source.is_empty() {
        return Err(Error::NotFound("result", source).into());
    }
    let detail = json!({"client_id": client_id, "flow_id": flow_id, "source": set.name, "format": wanted.format.extension()});
    audit::record(
        &shared.core,
        &principal.name,
        &principal.ip,
        "DownloadTable",
        detail,
    )
    .await?;
    let columns = wanted.columns.filter(|text| !text.is_empty());
    let columns = columns.map(|text| text.split(',').map(str::to_owned).collect());
    let rows = SetSource::new(shared.core.storage.database.clone(), &set);
    let pieces = export_rows(rows, wanted.format, columns, query.filters).await?;
    // A piece that is an error makes the browser report a failed download, not a short file.
    let body = Body::from_stream(stream::unfold(pieces, async |mut pieces| {
        pieces.recv().await.map(|piece| (piece, pieces))
    }));
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') {
            c
        } else {
            '_'
        }
    };
    let name: String = format!("{client_id}-{flow_id}-{}", set.name)
        .chars()
        .map(safe)
        .collect();
    let disposition = format!("attachment; filename=\"{name}.{}\"", wanted.format.extension());
    let headers = [
        (header::CONTENT_TYPE, wanted.format.content_type().to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, body).into_response())
}
