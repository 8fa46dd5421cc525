//! Rows and logs of a collection.

use super::extract::{Params, Path, SignedIn};
use super::file_name;
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header;
use peregrine_api::table::{
    ExportFormat, ExportQuery, Facets, FacetsQuery, ResultsQuery, TablePage, TableParams,
};
use peregrine_services::Result;
use peregrine_services::flows::Table;
use peregrine_services::table::{Filters, TableQuery};
use peregrine_store::{ClientId, FlowId, SetKind};
use std::sync::Arc;
use tokio::sync::mpsc;

fn table<'a>(
    (client_id, flow_id): &'a (ClientId, FlowId),
    kind: SetKind,
    name: &'a Option<String>,
) -> Table<'a> {
    Table {
        client_id,
        flow_id,
        kind,
        name: name.as_deref().unwrap_or_default(),
    }
}

pub(super) async fn rows(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(flow): Path<(ClientId, FlowId)>,
    Params(mut wanted): Params<ResultsQuery>,
) -> Answer<Json<TablePage>> {
    let source = wanted.source.take();
    let query = TableQuery::check(wanted.table())?;
    let table = table(&flow, SetKind::Rows, &source);
    Ok(Json(table.page(&shared.core, &principal, &query).await?))
}

pub(super) async fn logs(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(flow): Path<(ClientId, FlowId)>,
    Params(wanted): Params<TableParams>,
) -> Answer<Json<TablePage>> {
    let query = TableQuery::check(wanted)?;
    let table = table(&flow, SetKind::Logs, &None);
    Ok(Json(table.page(&shared.core, &principal, &query).await?))
}

pub(super) async fn facets(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(flow): Path<(ClientId, FlowId)>,
    Params(wanted): Params<FacetsQuery>,
) -> Answer<Json<Facets>> {
    let filters = Filters::parse(wanted.filter.as_deref().unwrap_or_default())?;
    let table = table(&flow, SetKind::Rows, &wanted.source);
    let facets = table.facets(&shared.core, &principal, &wanted.column, filters);
    Ok(Json(facets.await?))
}

pub(super) async fn export(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(flow): Path<(ClientId, FlowId)>,
    Params(wanted): Params<ExportQuery>,
) -> Answer<Response> {
    let filters = Filters::parse(wanted.filter.as_deref().unwrap_or_default())?;
    let (format, columns) = (wanted.format, columns_of(wanted.columns));
    let table = table(&flow, SetKind::Rows, &wanted.source);
    let exported = table.export(&shared.core, &principal, format, columns, filters);
    Ok(download(exported.await?, format))
}

/// The columns of an export, from the query string.
pub(super) fn columns_of(text: Option<String>) -> Option<Vec<String>> {
    let text = text.filter(|text| !text.is_empty())?;
    Some(text.split(',').map(str::to_owned).collect())
}

/// An exported table as a download: its name, and its content in pieces.
pub(super) fn download(
    (name, pieces): (String, mpsc::Receiver<Result<Bytes>>),
    format: ExportFormat,
) -> Response {
    // An error in the stream makes the browser report a failed download instead of keeping a short file.
    let body = Body::from_stream(stream::unfold(pieces, async |mut pieces| {
        pieces.recv().await.map(|piece| (piece, pieces))
    }));
    let headers = [
        (header::CONTENT_TYPE, content_type(format).to_owned()),
        (header::CONTENT_DISPOSITION, file_name(&name)),
    ];
    (headers, body).into_response()
}

fn content_type(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Csv => "text/csv; charset=utf-8",
        ExportFormat::Json => "application/json",
        ExportFormat::Jsonl => "application/x-ndjson",
    }
}
