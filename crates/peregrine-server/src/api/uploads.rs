//! Downloads of the files a collection uploaded.

use super::extract::{Path, SignedIn};
use super::file_name;
use crate::error::Answer;
use crate::shared::Shared;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header;
use peregrine_services::flows;
use peregrine_store::{ClientId, FlowId};
use std::sync::Arc;

/// Characters kept of a file name.
const LONGEST_NAME: usize = 200;

/// Streams an upload by its number in the flow's list.
pub(super) async fn download(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path((client_id, flow_id, number)): Path<(ClientId, FlowId, usize)>,
) -> Answer<Response> {
    let found = flows::download(&shared.core, &principal, &client_id, &flow_id, number);
    let (upload, reader) = found.await?;
    let name = upload.vfs_path.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().take(LONGEST_NAME).collect();
    let headers = [
        // Never rendered by the browser: the bytes come from an endpoint, perhaps from an attacker.
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, file_name(&name)),
        (header::CONTENT_LENGTH, reader.size.to_string()),
    ];
    let body = Body::from_stream(stream::unfold(reader.pieces, async |mut pieces| {
        pieces.recv().await.map(|piece| (piece, pieces))
    }));
    Ok((headers, body).into_response())
}
