//! `/reader`: the long poll in which agents wait for tasks.

use super::connections::Connection;
use super::intake::Allowance;
use super::refused::Reason;
use super::tasks::{self, Collected};
use super::visitors::Visitor;
use super::{control, enrol, process, receive, websocket};
use crate::shared::{Shared, peer_address};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Method, StatusCode, header};
use peregrine_proto::VeloMessage;
use peregrine_services::clock;
use peregrine_store::{Claim, ClientId};
use peregrine_wire::pack::PAD;
use peregrine_wire::{Packet, PublicKey};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How often a waiting agent gets padding, which shows that the connection is alive.
const PAD_INTERVAL: Duration = Duration::from_secs(10);

/// An agent that waits for tasks.
pub(super) struct Waiting {
    pub(super) client_id: ClientId,
    pub(super) key: PublicKey,
    pub(super) connection: Connection,
    /// Messages that were ready for it when it connected.
    pub(super) messages: Vec<VeloMessage>,
}

pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    upgrade: websocket::Upgrade,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let peer = peer_address(&parts, &shared.config.frontend.proxy_header);
    let visitor = parts.extensions.get::<Arc<Visitor>>().cloned();
    if let Some(upgrade) = upgrade.0 {
        return websocket::reader(shared, upgrade, peer);
    }
    if parts.method != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let admitted = async {
        let visitor = visitor.as_deref();
        let body = receive::body(&shared, &peer, visitor, body, receive::SMALL_BODY).await?;
        let (packet, room) = receive::open(&shared, &peer, body).await?;
        admit(&shared, &peer, visitor, packet, room).await
    };
    match Box::pin(admitted).await {
        Ok(waiting) => {
            let (sender, receiver) = mpsc::channel(2);
            tokio::spawn(poll(shared, waiting, sender));
            let body = stream::unfold(receiver, async |mut receiver| {
                receiver
                    .recv()
                    .await
                    .map(|bytes| (Ok::<Bytes, Infallible>(bytes), receiver))
            });
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
            (headers, Body::from_stream(body)).into_response()
        }
        Err(status) => status.into_response(),
    }
}

/// Identifies the agent, refuses a second connection, and processes the packet's content.
pub(super) async fn admit(
    shared: &Arc<Shared>,
    peer: &str,
    visitor: Option<&Visitor>,
    packet: Packet,
    room: Option<Allowance>,
) -> Result<Waiting, StatusCode> {
    let Some((client_id, key)) = control::identity(&packet) else {
        return Err(enrol::consider(shared, peer, &packet).await);
    };
    control::prove(shared, peer, visitor, &client_id)?;
    let claim = Claim {
        session: packet.session,
        timestamp: packet.timestamp,
    };
    let Some(connection) = shared
        .gateway
        .connections
        .hold(&client_id, claim, std::time::Instant::now())
    else {
        return Err(conflict(shared, &client_id, peer));
    };
    // A poll carries little and the agent waits for the answer, so it is urgent.
    let slots = &shared.gateway.urgent_slots;
    let reported_table = process::packet(shared, slots, &client_id, packet, room, peer)
        .await?
        .reported_table;
    // Boxed, because the future is large and seldom alive.
    let collected = Box::pin(tasks::collect(
        shared,
        &client_id,
        connection.claim,
        reported_table,
    ))
    .await;
    let messages = match collected {
        Ok(Collected::Messages(messages)) => messages,
        Ok(Collected::Elsewhere) => return Err(conflict(shared, &client_id, peer)),
        Ok(Collected::Deleted) => return Err(StatusCode::NOT_ACCEPTABLE),
        Err(error) => {
            tracing::error!(%client_id, %error, "tasks not read");
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
    };
    Ok(Waiting {
        client_id,
        key,
        connection,
        messages,
    })
}

fn conflict(shared: &Shared, client_id: &ClientId, peer: &str) -> StatusCode {
    tracing::debug!(%client_id, peer, "two connections with one client id");
    shared.gateway.refused.count(peer, Reason::Conflict);
    StatusCode::CONFLICT
}

/// The messages for a waiting agent; `None` when it must not wait here any longer.
pub(super) async fn collect_again(shared: &Shared, waiting: &Waiting) -> Option<Vec<VeloMessage>> {
    let claim = waiting.connection.claim;
    let collected = tasks::collect(shared, &waiting.client_id, claim, None);
    match Box::pin(collected).await {
        Ok(Collected::Messages(messages)) => Some(messages),
        // It comes again, and is told.
        Ok(Collected::Deleted) => None,
        Ok(Collected::Elsewhere) => {
            tracing::debug!(client_id = %waiting.client_id, "the agent waits at another server");
            None
        }
        Err(error) => {
            tracing::error!(client_id = %waiting.client_id, %error, "tasks not read");
            None
        }
    }
}

async fn poll(shared: Arc<Shared>, mut waiting: Waiting, sender: mpsc::Sender<Bytes>) {
    let client = &shared.config.client;
    let spread = client.max_poll_std.clamp(1, 3600);
    let wait = client.max_poll.clamp(1, 3600) + clock::now().unsigned_abs() % spread;
    let deadline = Instant::now() + Duration::from_secs(wait);
    let mut messages = std::mem::take(&mut waiting.messages);
    loop {
        // A wake-up may concern tasks that an earlier poll took; then go on waiting.
        if !messages.is_empty() {
            if let Ok(packet) = tasks::seal(&shared, &waiting.client_id, &waiting.key, messages) {
                let _ = sender.send(packet.into()).await;
            }
            return;
        }
        loop {
            tokio::select! {
                () = waiting.connection.wake.notified() => break,
                () = tokio::time::sleep_until(deadline) => {
                    let _ = sender.send(Bytes::from_static(&PAD)).await;
                    return;
                }
                () = tokio::time::sleep(PAD_INTERVAL) => {
                    if sender.send(Bytes::from_static(&PAD)).await.is_err() {
                        waiting.connection.note_left();
                        return;
                    }
                }
                () = sender.closed() => {
                    waiting.connection.note_left();
                    return;
                }
                () = waiting.connection.superseded() => return,
                () = shared.stopping.cancelled() => return,
            }
        }
        if sender.is_closed() {
            waiting.connection.note_left();
            return;
        }
        let Some(found) = collect_again(&shared, &waiting).await else {
            return;
        };
        messages = found;
    }
}
