//! The agents' endpoints over websockets: one binary frame in, one JSON frame `{code, err, data}` out.

use super::frames::{self, PING, Received, Socket};
use super::intake::Body as Message;
use super::refused::Reason;
use super::visitors::Visitor;
use super::{control, reader, receive, tasks};
use crate::shared::Shared;
use axum::body::Body;
use axum::extract::FromRequestParts;
use data_encoding::BASE64;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long writing a frame may take.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// The parts of an upgrade request that are needed to answer it.
pub(super) struct Handshake {
    upgrade: OnUpgrade,
    accept: HeaderValue,
    visitor: Option<Arc<Visitor>>,
}

/// Extracts the websocket upgrade, if the request asks for one.
pub(super) struct Upgrade(pub(super) Option<Handshake>);

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Upgrade, Infallible> {
        let is_websocket = parts
            .headers
            .get(http::header::UPGRADE)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
        if !is_websocket {
            return Ok(Upgrade(None));
        }
        let accept = frames::accept_key(&parts.headers);
        let upgrade = parts.extensions.remove::<OnUpgrade>();
        Ok(Upgrade(upgrade.zip(accept).map(|(upgrade, accept)| Handshake {
            upgrade,
            accept,
            visitor: parts.extensions.get::<Arc<Visitor>>().cloned(),
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

fn frame(status: StatusCode, data: &[u8]) -> Vec<u8> {
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
    serde_json::to_vec(&frame).unwrap_or_default()
}

/// Sends a frame; false when the socket is gone.
async fn send(socket: &mut Socket, message: Vec<u8>) -> bool {
    matches!(
        timeout(WRITE_TIME, socket.send_message(&message)).await,
        Ok(Ok(()))
    )
}

pub(super) fn server_pem(shared: Arc<Shared>, handshake: Handshake, peer: String) -> Response<Body> {
    start(handshake, async move |mut socket, visitor| {
        let mut link = Link::new(&shared, peer, visitor, receive::SMALL_BODY);
        while link.frame(&shared, &mut socket).await.is_some() {
            let pem = shared.config.frontend.certificate.as_bytes();
            if !send(&mut socket, frame(StatusCode::OK, pem)).await {
                return;
            }
        }
    })
}

fn start<F>(
    handshake: Handshake,
    talk: impl FnOnce(Socket, Option<Arc<Visitor>>) -> F + Send + 'static,
) -> Response<Body>
where
    F: Future<Output = ()> + Send + 'static,
{
    let Handshake {
        upgrade,
        accept,
        visitor,
    } = handshake;
    frames::upgrade(upgrade, accept, move |socket| talk(socket, visitor))
}

pub(super) fn control(shared: Arc<Shared>, handshake: Handshake, peer: String) -> Response<Body> {
    start(handshake, async move |mut socket, visitor| {
        let mut link = Link::new(&shared, peer.clone(), visitor, receive::limit(&shared));
        while let Some(body) = link.frame(&shared, &mut socket).await {
            let status = async {
                // A message that is too large is acknowledged, so that its sender drops it and goes on with the next.
                let Some(body) = body else { return Ok(()) };
                control::accept(&shared, &peer, link.visitor.as_deref(), body, false)
                    .await
                    .map(drop)
            };
            let status = Box::pin(status)
                .await
                .map_or_else(|status| status, |()| StatusCode::OK);
            let goes_on = matches!(status, StatusCode::OK | StatusCode::BAD_REQUEST);
            if !send(&mut socket, frame(status, &[])).await || !goes_on {
                return;
            }
        }
    })
}

pub(super) fn reader(shared: Arc<Shared>, handshake: Handshake, peer: String) -> Response<Body> {
    start(handshake, async move |mut socket, visitor| {
        let mut link = Link::new(&shared, peer.clone(), visitor, receive::SMALL_BODY);
        let Some(body) = link.frame(&shared, &mut socket).await else {
            return;
        };
        let admitted = async {
            let body = body.ok_or(StatusCode::OK)?;
            let (packet, room) = receive::open(&shared, &peer, body).await?;
            reader::admit(&shared, &peer, link.visitor.as_deref(), packet, room).await
        };
        let mut waiting = match Box::pin(admitted).await {
            Ok(waiting) => waiting,
            Err(status) => {
                send(&mut socket, frame(status, &[])).await;
                return;
            }
        };
        let mut messages = std::mem::take(&mut waiting.messages);
        loop {
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
                is_alive = link.wait(&shared, &mut socket) => if !is_alive {
                    waiting.connection.note_left();
                    return;
                },
                () = waiting.connection.superseded() => return,
                () = shared.stopping.cancelled() => return,
            }
            let Some(found) = reader::collect_again(&shared, &waiting).await else {
                return;
            };
            messages = found;
        }
    })
}

/// Keeps a socket alive: the server pings, and the peer must send something within 1.1 periods. A stranger has less time.
struct Link {
    period: Duration,
    next_ping: Instant,
    dead_at: Instant,
    peer: String,
    visitor: Option<Arc<Visitor>>,
    started: Instant,
    /// When the message that is being received began.
    message_began: Option<Instant>,
    limit: usize,
}

impl Link {
    fn new(shared: &Shared, peer: String, visitor: Option<Arc<Visitor>>, limit: usize) -> Link {
        let period = Duration::from_secs(shared.config.client.ws_ping_wait_sec.clamp(1, 3600));
        let now = Instant::now();
        Link {
            period,
            next_ping: now + period,
            dead_at: now + period + period / 10,
            peer,
            visitor,
            started: now,
            message_began: None,
            limit,
        }
    }

    /// The next message; `Some(None)` for one that is too large, `None` when the socket is gone or the server stops.
    async fn frame(&mut self, shared: &Shared, socket: &mut Socket) -> Option<Option<Message>> {
        loop {
            let received = tokio::select! {
                received = self.step(shared, socket) => received,
                () = shared.stopping.cancelled() => return None,
            };
            match received {
                Received::Message(body) => return Some(Some(body)),
                Received::TooLarge => {
                    shared.gateway.refused.count(&self.peer, Reason::TooLarge);
                    return Some(None);
                }
                Received::Alive => {}
                Received::Gone => return None,
            }
        }
    }

    /// Waits until a ping was sent (true) or the socket is gone (false); messages are dropped.
    async fn wait(&mut self, shared: &Shared, socket: &mut Socket) -> bool {
        let before = self.next_ping;
        while self.next_ping == before {
            if matches!(self.step(shared, socket).await, Received::Gone) {
                return false;
            }
        }
        true
    }

    async fn step(&mut self, shared: &Shared, socket: &mut Socket) -> Received {
        let is_proven = self.visitor.as_ref().is_none_or(|visitor| visitor.is_proven());
        let party = receive::party(shared, &self.peer, self.visitor.as_deref());
        if !socket.is_within_message() {
            self.message_began = None;
        } else if self.message_began.is_none() {
            self.message_began = Some(Instant::now());
        }
        let mut deadline = self.dead_at;
        if let Some(began) = self.message_began {
            deadline = began + receive::body_time(shared, party.is_known);
        }
        if !is_proven {
            deadline = deadline.min(self.started + receive::stranger_time(shared));
        }
        let visitor = self.visitor.clone().filter(|_| !is_proven);
        let sent_away = async move {
            match visitor {
                Some(visitor) => visitor.sent_away().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sent_away => Received::Gone,
            received = socket.receive(&shared.gateway.intake, &party, self.limit) => {
                self.dead_at = Instant::now() + self.period + self.period / 10;
                received
            }
            () = tokio::time::sleep_until(self.next_ping) => {
                self.next_ping = Instant::now() + self.period;
                match timeout(WRITE_TIME, socket.send(PING, &[])).await {
                    Ok(Ok(())) => Received::Alive,
                    _ => Received::Gone,
                }
            }
            () = tokio::time::sleep_until(deadline) => {
                if self.message_began.is_some() || !is_proven {
                    shared.gateway.refused.count(&self.peer, Reason::TooSlow);
                }
                Received::Gone
            }
        }
    }
}
