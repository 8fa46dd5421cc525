//! `/control`: what agents send. 200 means everything is durable.

use super::visitors::Visitor;
use super::{enrol, process, receive, tasks, websocket};
use crate::shared::{Shared, peer_address};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use peregrine_wire::PublicKey;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::SemaphorePermit;

/// Longest time for processing one packet.
const PROCESSING: Duration = Duration::from_secs(60);

pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    upgrade: websocket::Upgrade,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let peer = peer_address(&parts, &shared.config.frontend.proxy_header);
    let visitor = parts.extensions.get::<Arc<Visitor>>().cloned();
    if let Some(upgrade) = upgrade.0 {
        return websocket::control(shared, upgrade, peer);
    }
    if parts.method != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let is_urgent = parts
        .headers
        .get("x-priority")
        .is_some_and(|value| value == "urgent");
    // The whole body first: whoever sends slowly keeps nobody from being processed.
    let body = match receive::body(&shared, &peer, body, usize::MAX).await {
        Ok(body) => body,
        Err(status) => return status.into_response(),
    };
    let _slot = match slot(&shared, is_urgent).await {
        Ok(slot) => slot,
        Err(status) => return status.into_response(),
    };
    match Box::pin(accept(&shared, &peer, visitor.as_deref(), body)).await {
        Ok((client_id, key)) => match tasks::seal(&shared, &client_id, &key, Vec::new()) {
            Ok(reply) => reply_with(reply),
            Err(status) => status.into_response(),
        },
        Err(status) => status.into_response(),
    }
}

/// Bounds the packets that are in memory at once; urgent ones have places of their own.
pub(super) async fn slot(shared: &Shared, is_urgent: bool) -> Result<SemaphorePermit<'_>, StatusCode> {
    let slots = if is_urgent {
        &shared.gateway.urgent_slots
    } else {
        &shared.gateway.slots
    };
    let wait = Duration::from_secs(shared.config.frontend.resources.concurrency_timeout);
    match tokio::time::timeout(wait, slots.acquire()).await {
        Ok(permit) => permit.map_err(|_| StatusCode::SERVICE_UNAVAILABLE),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// Takes a packet in and makes it durable. An error is the status to answer.
pub(super) async fn accept(
    shared: &Arc<Shared>,
    peer: &str,
    visitor: Option<&Visitor>,
    body: Bytes,
) -> Result<(String, PublicKey), StatusCode> {
    let packet = receive::open(shared, peer, body).await?;
    let Some(key) = packet.key.clone() else {
        return Err(enrol::consider(shared, peer, &packet).await);
    };
    proven(shared, peer, visitor);
    let client_id = packet.source.clone();
    let (worker, address) = (shared.clone(), peer.to_owned());
    // Detached: what an agent sent is finished even if it hangs up, so its repeat finds it done.
    let work = tokio::spawn(async move {
        tokio::time::timeout(PROCESSING, process::packet(&worker, packet, &address)).await
    });
    match work.await {
        Ok(Ok(result)) => result.map(|_| (client_id, key)),
        Ok(Err(_)) | Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// Notes that an agent of ours is on this connection, and at this address.
pub(super) fn proven(shared: &Shared, peer: &str, visitor: Option<&Visitor>) {
    if let Some(visitor) = visitor {
        visitor.prove();
    }
    shared.gateway.intake.note(peer);
}

fn reply_with(packet: Vec<u8>) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        ),
        (
            header::HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    (headers, packet).into_response()
}
