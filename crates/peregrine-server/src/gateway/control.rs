//! `/control`: receives what agents send. 200 means that all of it is durable.

use super::intake::Body;
use super::refused::Reason;
use super::visitors::Visitor;
use super::{enrol, process, receive, tasks, websocket};
use crate::shared::{Shared, peer_address};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use peregrine_store::ClientId;
use peregrine_wire::{Packet, PublicKey};
use std::sync::Arc;

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
    // Read the whole body before taking a turn, so that a slow sender does not hold up processing.
    let body = match receive::body(&shared, &peer, visitor.as_deref(), body, usize::MAX).await {
        Ok(body) => body,
        Err(status) => return status.into_response(),
    };
    match Box::pin(accept(&shared, &peer, visitor.as_deref(), body, is_urgent)).await {
        Ok((client_id, key)) => match tasks::seal(&shared, &client_id, &key, Vec::new()) {
            Ok(reply) => reply_with(reply),
            Err(status) => status.into_response(),
        },
        Err(status) => status.into_response(),
    }
}

/// Makes the content of a packet durable. Urgent packets have their own turns. An error is the status to answer.
pub(super) async fn accept(
    shared: &Arc<Shared>,
    peer: &str,
    visitor: Option<&Visitor>,
    body: Body,
    is_urgent: bool,
) -> Result<(ClientId, PublicKey), StatusCode> {
    let (packet, room) = receive::open(shared, peer, body).await?;
    let Some((client_id, key)) = identity(&packet) else {
        return Err(enrol::consider(shared, peer, &packet).await);
    };
    prove(shared, peer, visitor, &client_id)?;
    let slots = if is_urgent {
        &shared.gateway.urgent_slots
    } else {
        &shared.gateway.slots
    };
    process::packet(shared, slots, &client_id, packet, room, peer).await?;
    Ok((client_id, key))
}

/// Which client sent this, if it is known and has proven it.
pub(super) fn identity(packet: &Packet) -> Option<(ClientId, PublicKey)> {
    Some((packet.source.parse().ok()?, packet.key.clone()?))
}

/// Notes that an enrolled agent is on this connection and at this address; refuses it when it has too many connections.
pub(super) fn prove(
    shared: &Shared,
    peer: &str,
    visitor: Option<&Visitor>,
    client_id: &ClientId,
) -> Result<(), StatusCode> {
    shared.gateway.intake.note(peer);
    // Connections of a proxy carry packets of many agents.
    let is_own = shared.config.frontend.proxy_header.is_empty();
    match visitor {
        Some(visitor) if is_own && !visitor.prove_agent(client_id) => {
            shared.gateway.refused.count(peer, Reason::TooMany);
            Err(StatusCode::SERVICE_UNAVAILABLE)
        }
        Some(visitor) => {
            visitor.prove();
            Ok(())
        }
        None => Ok(()),
    }
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
