//! The same conversations over websockets: one binary frame in, one JSON frame `{code, err, data}` out.

use super::{control, reader, receive, tasks};
use crate::shared::Shared;
use axum::extract::FromRequestParts;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use bytes::Bytes;
use data_encoding::BASE64;
use http::StatusCode;
use http::request::Parts;
use peregrine_wire::limits;
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long writing a frame may take.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// The upgrade, when the request asks for one.
pub(super) struct Upgrade(pub(super) Option<WebSocketUpgrade>);

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Upgrade, Infallible> {
        if !parts.headers.contains_key(http::header::UPGRADE) {
            return Ok(Upgrade(None));
        }
        let upgrade = <WebSocketUpgrade as FromRequestParts<S>>::from_request_parts(parts, state)
            .await
            .ok();
        Ok(Upgrade(upgrade.map(|upgrade| {
            upgrade
                .max_message_size(limits::FRAME)
                .max_frame_size(limits::FRAME)
        })))
    }
}

#[derive(Serialize)]
struct Frame<'a> {
    #[serde(skip_serializing_if = "is_zero")]
    code: u16,
    #[serde(skip_serializing_if = "str::is_empty")]
    err: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    data: String,
}

fn is_zero(code: &u16) -> bool {
    *code == 0
}

fn frame(status: StatusCode, data: &[u8]) -> Message {
    let err = if status == StatusCode::OK {
        ""
    } else {
        status.canonical_reason().unwrap_or("refused")
    };
    let frame = Frame {
        code: status.as_u16(),
        err,
        data: BASE64.encode(data),
    };
    // A struct of text and numbers always has a JSON form.
    Message::Binary(serde_json::to_vec(&frame).unwrap_or_default().into())
}

/// Sends a frame; false when the socket is gone.
async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(timeout(WRITE_TIME, socket.send(message)).await, Ok(Ok(())))
}

pub(super) fn server_pem(shared: Arc<Shared>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        let mut link = Link::new(&shared);
        while link.frame(&shared, &mut socket).await.is_some() {
            if !send(
                &mut socket,
                frame(StatusCode::OK, shared.config.frontend.certificate.as_bytes()),
            )
            .await
            {
                return;
            }
        }
    })
}

pub(super) fn control(shared: Arc<Shared>, upgrade: WebSocketUpgrade, peer: String) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        let mut link = Link::new(&shared);
        while let Some(body) = link.frame(&shared, &mut socket).await {
            let status = async {
                let _slot = control::slot(&shared, false).await?;
                control::accept(&shared, &peer, body).await
            };
            let status = status.await.map_or_else(|status| status, |_| StatusCode::OK);
            let goes_on = matches!(status, StatusCode::OK | StatusCode::BAD_REQUEST);
            if !send(&mut socket, frame(status, &[])).await || !goes_on {
                return;
            }
        }
    })
}

pub(super) fn reader(shared: Arc<Shared>, upgrade: WebSocketUpgrade, peer: String) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        let mut link = Link::new(&shared);
        let Some(body) = link.frame(&shared, &mut socket).await else {
            return;
        };
        let admitted = async {
            let packet = receive::open(&shared, &peer, body).await?;
            reader::admit(&shared, &peer, packet).await
        };
        let waiting = match admitted.await {
            Ok(waiting) => waiting,
            Err(status) => {
                send(&mut socket, frame(status, &[])).await;
                return;
            }
        };
        let mut reported = waiting.reported_table;
        loop {
            let messages = match tasks::collect(&shared, &waiting.client_id, reported.take()).await {
                Ok(messages) => messages,
                Err(error) => {
                    tracing::error!(client_id = waiting.client_id, %error, "tasks not read");
                    return;
                }
            };
            if !messages.is_empty() {
                let Ok(packet) = tasks::seal(&shared, &waiting.client_id, &waiting.key, messages) else {
                    return;
                };
                if !send(&mut socket, frame(StatusCode::OK, &packet)).await {
                    waiting.connection.note_left();
                    return;
                }
            }
            tokio::select! {
                () = waiting.connection.wake.notified() => {}
                is_alive = link.wait(&mut socket) => if !is_alive {
                    waiting.connection.note_left();
                    return;
                },
                () = shared.stopping.cancelled() => return,
            }
        }
    })
}

/// Keeps a socket alive: we ping, the other side must answer within 1.1 periods.
struct Link {
    period: Duration,
    next_ping: Instant,
    dead_at: Instant,
}

impl Link {
    fn new(shared: &Shared) -> Link {
        let period = Duration::from_secs(shared.config.client.ws_ping_wait_sec.clamp(1, 3600));
        let now = Instant::now();
        Link {
            period,
            next_ping: now + period,
            dead_at: now + period + period / 10,
        }
    }

    /// The next data frame; none when the socket is gone or the server stops.
    async fn frame(&mut self, shared: &Shared, socket: &mut WebSocket) -> Option<Bytes> {
        loop {
            let received = tokio::select! {
                received = self.step(socket) => received,
                () = shared.stopping.cancelled() => return None,
            };
            match received {
                Step::Frame(body) => return Some(body),
                Step::Alive => {}
                Step::Gone => return None,
            }
        }
    }

    /// Waits until a ping was due (true) or the socket is gone (false); data frames are dropped.
    async fn wait(&mut self, socket: &mut WebSocket) -> bool {
        let before = self.next_ping;
        while self.next_ping == before {
            if matches!(self.step(socket).await, Step::Gone) {
                return false;
            }
        }
        true
    }

    async fn step(&mut self, socket: &mut WebSocket) -> Step {
        tokio::select! {
            received = socket.recv() => {
                let Some(Ok(message)) = received else { return Step::Gone };
                self.dead_at = Instant::now() + self.period + self.period / 10;
                match message {
                    Message::Binary(body) => Step::Frame(body),
                    Message::Text(text) => Step::Frame(text.into()),
                    Message::Close(_) => Step::Gone,
                    Message::Ping(_) | Message::Pong(_) => Step::Alive,
                }
            }
            () = tokio::time::sleep_until(self.next_ping) => {
                self.next_ping = Instant::now() + self.period;
                if send(socket, Message::Ping(Bytes::new())).await { Step::Alive } else { Step::Gone }
            }
            () = tokio::time::sleep_until(self.dead_at) => Step::Gone,
        }
    }
}

enum Step {
    Frame(Bytes),
    Alive,
    Gone,
}
