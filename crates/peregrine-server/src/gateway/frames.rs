//! The server's side of a websocket, without extensions. It keeps little memory while idle, allocates for a message only
//! when there is room for it, and reads past a message that is too large, so that the sender can be told.

use super::intake::{Allowance, Body as Content, Intake, Party, UNRESERVED_BYTES, must_give_way};
use axum::body::Body;
use data_encoding::BASE64;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Bytes read at a time.
const PIECE: u64 = 16 << 10;
/// Longest payload of a control frame.
const MAX_CONTROL: u64 = 125;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
const PONG: u8 = 10;

/// The `Sec-WebSocket-Accept` that answers an upgrade's key; `None` unless it asks for version 13, the only one.
pub(super) fn accept_key(headers: &HeaderMap) -> Option<HeaderValue> {
    if headers.get(header::SEC_WEBSOCKET_VERSION)? != "13" {
        return None;
    }
    let mut hash = Sha1::new();
    hash.update(headers.get(header::SEC_WEBSOCKET_KEY)?.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    HeaderValue::from_str(&BASE64.encode(&hash.finalize())).ok()
}

/// Answers the upgrade and runs the conversation in a task of its own.
pub(super) fn upgrade<F>(
    upgrade: OnUpgrade,
    accept: HeaderValue,
    talk: impl FnOnce(Socket) -> F + Send + 'static,
) -> Response<Body>
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        if let Ok(io) = upgrade.await {
            talk(Socket::new(io)).await;
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// What [`Socket::receive`] got.
pub(super) enum Received {
    Message(Content),
    /// A message beyond the limit, which was skipped.
    TooLarge,
    /// No message yet, but the peer is alive.
    Alive,
    Gone,
}

/// A frame whose payload is being read.
struct Frame {
    kind: u8,
    is_last: bool,
    mask: [u8; 4],
    /// Bytes of the payload read so far.
    at: u64,
    length: u64,
}

pub(super) struct Socket {
    io: TokioIo<Upgraded>,
    /// The head of the next frame, as far as it has been received.
    head: Vec<u8>,
    frame: Option<Frame>,
    control: Vec<u8>,
    message: Vec<u8>,
    in_message: bool,
    is_too_large: bool,
    /// Memory reserved for the message.
    room: Option<Allowance>,
}

impl Socket {
    fn new(io: Upgraded) -> Socket {
        Socket {
            io: TokioIo::new(io),
            head: Vec::new(),
            frame: None,
            control: Vec::new(),
            message: Vec::new(),
            in_message: false,
            is_too_large: false,
            room: None,
        }
    }

    /// Receives the next message or control frame. Cancel-safe.
    pub(super) async fn receive(&mut self, intake: &Intake, party: &Party, limit: usize) -> Received {
        match self.advance(intake, party, limit).await {
            Some(received) => received,
            None => Received::Gone,
        }
    }

    /// Whether a message or frame has begun but is not complete.
    pub(super) fn is_within_message(&self) -> bool {
        self.in_message || !self.head.is_empty() || self.frame.is_some()
    }

    async fn advance(&mut self, intake: &Intake, party: &Party, limit: usize) -> Option<Received> {
        loop {
            if self.frame.is_none() {
                self.frame = Some(self.read_head(limit).await?);
            }
            let frame = self.frame.as_mut()?;
            let is_control = frame.kind >= CLOSE;
            if !is_control && self.room.is_none() && !self.is_too_large {
                let wanted = if frame.is_last { frame.length } else { limit as u64 };
                let wanted = usize::try_from(wanted).unwrap_or(limit);
                if wanted > UNRESERVED_BYTES {
                    self.room = Some(intake.reserve(party, wanted).await);
                }
            }
            while frame.at < frame.length {
                let most = (frame.length - frame.at).min(PIECE);
                // Read into the message itself: a buffer here would be part of every waiting connection's future.
                let target = if is_control {
                    &mut self.control
                } else {
                    &mut self.message
                };
                target.reserve(usize::try_from(most).unwrap_or_default());
                let before = target.len();
                let mut piece = (&mut self.io).take(most);
                let read = tokio::select! {
                    read = piece.read_buf(target) => read,
                    // Others need the room and this message is slow: its sender can send it again.
                    () = must_give_way(self.room.as_ref()) => return None,
                };
                let count = read.ok().filter(|count| *count > 0)?;
                for (byte, at) in target.get_mut(before..)?.iter_mut().zip(frame.at..) {
                    *byte ^= frame.mask[(at % 4) as usize];
                }
                frame.at += count as u64;
                if !is_control && self.is_too_large {
                    target.clear();
                }
            }
            let (kind, is_last) = (frame.kind, frame.is_last);
            self.frame = None;
            if is_control {
                let payload = std::mem::take(&mut self.control);
                match kind {
                    PING => self.send(PONG, &payload).await.ok()?,
                    CLOSE => {
                        let _ = self.send(CLOSE, &payload).await;
                        return None;
                    }
                    _ => {}
                }
                return Some(Received::Alive);
            }
            if is_last {
                self.in_message = false;
                let (bytes, room) = (std::mem::take(&mut self.message), self.room.take());
                if std::mem::take(&mut self.is_too_large) {
                    return Some(Received::TooLarge);
                }
                if let Some(room) = &room {
                    room.mark_complete();
                }
                return Some(Received::Message(Content { bytes, room }));
            }
        }
    }

    async fn read_head(&mut self, limit: usize) -> Option<Frame> {
        loop {
            let wanted = match self.head.as_slice() {
                [] | [_] => 2,
                [_, second, ..] => match second & 0x7f {
                    126 => 8,
                    127 => 14,
                    _ => 6,
                },
            };
            if self.head.len() >= wanted && self.head.len() > 2 {
                break;
            }
            let mut bytes = [0; 14];
            let missing = wanted - self.head.len();
            let count = self
                .io
                .read(bytes.get_mut(..missing)?)
                .await
                .ok()
                .filter(|count| *count > 0)?;
            self.head.extend_from_slice(bytes.get(..count)?);
        }
        let head = std::mem::take(&mut self.head);
        let (first, second) = (*head.first()?, *head.get(1)?);
        let (extended, mask) = head.get(2..)?.split_at_checked(head.len() - 6)?;
        let length = match extended {
            [] => u64::from(second & 0x7f),
            bytes => bytes
                .iter()
                .fold(0, |length: u64, byte| length << 8 | u64::from(*byte)),
        };
        let (kind, is_last) = (first & 0x0f, first & 0x80 != 0);
        let is_masked = second & 0x80 != 0;
        if first & 0x70 != 0 || !is_masked {
            return None;
        }
        match kind {
            TEXT | BINARY if !self.in_message => {}
            CONTINUATION if self.in_message => {}
            CLOSE | PING | PONG if is_last && length <= MAX_CONTROL => {}
            _ => return None,
        }
        if kind < CLOSE {
            self.in_message = true;
            if length > (limit as u64).saturating_sub(self.message.len() as u64) {
                self.is_too_large = true;
                self.message = Vec::new();
                self.room = None;
            }
        }
        Some(Frame {
            kind,
            is_last,
            mask: mask.try_into().ok()?,
            at: 0,
            length,
        })
    }

    /// Sends a binary frame.
    pub(super) async fn send_message(&mut self, payload: &[u8]) -> std::io::Result<()> {
        self.send(BINARY, payload).await
    }

    pub(super) async fn send(&mut self, kind: u8, payload: &[u8]) -> std::io::Result<()> {
        let mut head = vec![0x80 | kind];
        match payload.len() {
            length @ 0..126 => head.push(length as u8),
            length @ 126..65536 => {
                head.push(126);
                head.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                head.push(127);
                head.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        head.extend_from_slice(payload);
        self.io.write_all(&head).await?;
        self.io.flush().await
    }
}
