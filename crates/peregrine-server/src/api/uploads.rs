//! Files a collection brought.

use super::extract::SignedIn;
use crate::error::Answer;
use crate::shared::Shared;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header;
use peregrine_services::users::Permission;
use peregrine_services::{Error, audit, flows};
use peregrine_store::ObjectKey;
use serde_json::json;
use std::sync::Arc;

/// Streams the file of this number in the flow's list of uploads.
pub(super) async fn download(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path((client_id, flow_id, number)): Path<(String, String, usize)>,
) -> Answer<Response> {
    principal.authorize(Permission::ReadResults)?;
    flows::get(&shared.core, &client_id, &flow_id).await?;
    let uploads = shared.core.storage.database.uploads(&client_id, &flow_id).await?;
    let upload = uploads
        .get(number)
        .ok_or_else(|| Error::NotFound("upload", number.to_string()))?;
    let detail = json!({"client_id": client_id, "flow_id": flow_id, "path": upload.vfs_path});
    audit::record(
        &shared.core,
        &principal.name,
        &principal.ip,
        "DownloadFile",
        detail,
    )
    .await?;
    let reader = shared
        .core
        .storage
        .objects
        .get(&ObjectKey::parse(&upload.object)?, 0, None)
        .await?;
    let size = reader.size.to_string();
    let body = Body::from_stream(stream::unfold(reader.pieces, async |mut pieces| {
        pieces.recv().await.map(|piece| (piece, pieces))
    }));
    let name = upload.vfs_path.rsplit(['/', '\\']).next().unwrap_or_default();
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') {
            c
        } else {
            '_'
        }
    };
    let name: String = name.chars().map(safe).take(200).collect();
    let headers = [
        // Never shown in the browser: the bytes are an endpoint's, perhaps an attacker's.
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
        (header::CONTENT_LENGTH, size),
    ];
    Ok((headers, body).into_response())
}
