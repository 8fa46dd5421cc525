//! Rows and logs of a collection.

use super::extract::{Params, SignedIn};
use super::file_name;
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header;
use peregrine_services::flows::Table;
use peregrine_services::table::{Format, TablePage, TableParams};
use peregrine_store::SetKind;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

#[derive(Deserialize)]
pub(super) struct Source {
    #[serde(default)]
    source: String,
}

fn table<'a>((client_id, flow_id): &'a (String, String), kind: SetKind, name: &'a str) -> Table<'a> {
    Table {
        client_id,
        flow_id,
        kind,
        name,
    }
}

pub(super) async fn rows(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(flow): Path<(String, String)>,
    Params(Source { source }): Params<Source>,
    Params(wanted): Params<TableParams>,
) -> Answer<Json<TablePage>> {
    let table = table(&flow, SetKind::Rows, &source);
    Ok(Json(
        table.page(&shared.core, &principal, &wanted.check()?).await?,
    ))
}

pub(super) async fn logs(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(flow): Path<(String, String)>,
    Params(wanted): Params<TableParams>,
) -> Answer<Json<TablePage>> {
    let table = table(&flow, SetKind::Logs, "");
    Ok(Json(
        table.page(&shared.core, &principal, &wanted.check()?).await?,
    ))
}

#[derive(Deserialize)]
pub(super) struct Column {
    column: String,
}

pub(super) async fn facets(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(flow): Path<(String, String)>,
    Params(Source { source }): Params<Source>,
    Params(Column { column }): Params<Column>,
    Params(wanted): Params<TableParams>,
) -> Answer<Json<Value>> {
    let filters = wanted.check()?.filters;
    let table = table(&flow, SetKind::Rows, &source);
    Ok(Json(
        table.facets(&shared.core, &principal, &column, filters).await?,
    ))
}

#[derive(Deserialize)]
pub(super) struct Export {
    format: Format,
    columns: Option<String>,
}

pub(super) async fn export(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(flow): Path<(String, String)>,
    Params(Source { source }): Params<Source>,
    Params(wanted): Params<Export>,
    Params(query): Params<TableParams>,
) -> Answer<Response> {
    let filters = query.check()?.filters;
    let columns = wanted.columns.filter(|text| !text.is_empty());
    let columns = columns.map(|text| text.split(',').map(str::to_owned).collect());
    let table = table(&flow, SetKind::Rows, &source);
    let (name, pieces) = table
        .export(&shared.core, &principal, wanted.format, columns, filters)
        .await?;
    // A piece that is an error makes the browser report a failed download, not a short file.
    let body = Body::from_stream(stream::unfold(pieces, async |mut pieces| {
        pieces.recv().await.map(|piece| (piece, pieces))
    }));
    let headers = [
        (header::CONTENT_TYPE, content_type(wanted.format).to_owned()),
        (header::CONTENT_DISPOSITION, file_name(&name)),
    ];
    Ok((headers, body).into_response())
}

fn content_type(format: Format) -> &'static str {
    match format {
        Format::Csv => "text/csv; charset=utf-8",
        Format::Json => "application/json",
        Format::Jsonl => "application/x-ndjson",
    }
}
