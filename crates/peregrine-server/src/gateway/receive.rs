//! From a request's body to a packet whose sender has been looked up.

use super::intake::{Allowance, Body, Party, UNRESERVED_BYTES, must_give_way};
use super::refused::Reason;
use super::visitors::Visitor;
use crate::config::Config;
use crate::shared::Shared;
use axum::body::HttpBody;
use futures_util::StreamExt;
use http::StatusCode;
use parking_lot::Mutex;
use peregrine_services::clock;
use peregrine_store::Micros;
use peregrine_wire::{Envelope, Error as WireError, Opened, Packet, PublicKey, Stranger};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout_at;

/// Longest time for an agent's body, as in the reference; strangers have `stranger_timeout`.
const BODY_TIME: Duration = Duration::from_secs(500);
/// How long a body may take to begin, and the bytes per second it must average after that.
const BODY_GRACE: Duration = Duration::from_secs(20);
const AGENT_PACE: u64 = 1 << 10;
const STRANGER_PACE: u64 = 16 << 10;
/// Largest body of a poll, in bytes.
pub(super) const SMALL_BODY: usize = 1 << 20;
/// Packets per second and address that cannot be opened; beyond them, each failure holds its turn three times as long.
const FAILURES: i64 = 10;
/// Most addresses whose failures are remembered.
const MAX_FAILING: usize = 10_000;
/// How long a stranger's packet may wait to be opened.
const OPENING: Duration = Duration::from_secs(20);
/// Bodies larger than this are decrypted on a blocking thread.
const LARGE: usize = 64 << 10;
/// Most unknown senders remembered.
const MAX_UNKNOWN: usize = 10_000;

/// Largest body that is accepted.
pub(super) fn limit(shared: &Shared) -> usize {
    largest(&shared.config)
}

pub(super) fn largest(config: &Config) -> usize {
    usize::try_from(config.frontend.resources.max_upload_size.saturating_mul(2))
        .unwrap_or(usize::MAX)
        .min(peregrine_wire::limits::PACKET)
}

/// How long a whole body may take.
pub(super) fn body_time(shared: &Shared, is_known: bool) -> Duration {
    if is_known {
        BODY_TIME
    } else {
        stranger_time(shared)
    }
}

/// How long a stranger may stay connected.
pub(super) fn stranger_time(shared: &Shared) -> Duration {
    Duration::from_secs(shared.config.frontend.resources.stranger_timeout)
}

/// The party a connection's bodies are charged to.
pub(super) fn party(shared: &Shared, peer: &str, visitor: Option<&Visitor>) -> Party {
    match visitor.and_then(Visitor::agent) {
        Some(client_id) => Party {
            name: client_id.as_str().into(),
            is_known: true,
        },
        None => Party {
            name: peer.into(),
            is_known: shared.gateway.intake.is_known(peer),
        },
    }
}

/// Reads a body up to the limit. A larger one is answered 200, so that the agent drops what can never be accepted. The
/// rest of it is read first, because an agent that is still writing does not read the answer.
pub(super) async fn body(
    shared: &Shared,
    peer: &str,
    visitor: Option<&Visitor>,
    body: axum::body::Body,
    most: usize,
) -> Result<Body, StatusCode> {
    let limit = limit(shared).min(most);
    let intake = &shared.gateway.intake;
    let party = party(shared, peer, visitor);
    let pace = if party.is_known { AGENT_PACE } else { STRANGER_PACE };
    // At an agent's address a slow line gets its time, even before the agent proves itself on this connection.
    let _longer = visitor.filter(|_| party.is_known).map(Visitor::tolerate);
    let started = Instant::now();
    let end = started + body_time(shared, party.is_known);
    let declared = body
        .size_hint()
        .exact()
        .and_then(|length| usize::try_from(length).ok());
    let wanted = declared.unwrap_or(limit).min(limit);
    let slow = || {
        shared.gateway.refused.count(peer, Reason::TooSlow);
        StatusCode::REQUEST_TIMEOUT
    };
    let (mut stream, mut bytes, mut count) = (body.into_data_stream(), Vec::new(), 0u64);
    let mut room: Option<Allowance> = None;
    loop {
        let deadline =
            end.min(started + BODY_GRACE + Duration::from_millis(count.saturating_mul(1000) / pace));
        let piece = tokio::select! {
            piece = timeout_at(deadline.into(), stream.next()) => piece,
            // Others need the room and this body is slow: its sender can send it again.
            () = must_give_way(room.as_ref()) => return Err(slow()),
        };
        let piece = match piece {
            Ok(Some(piece)) => piece.map_err(|_| StatusCode::BAD_REQUEST)?,
            Ok(None) => break,
            Err(_) => return Err(slow()),
        };
        count += piece.len() as u64;
        if count > limit as u64 {
            bytes = Vec::new();
            room = None;
            continue;
        }
        if room.is_none() && count > UNRESERVED_BYTES as u64 {
            room = match timeout_at(end.into(), intake.reserve(&party, wanted)).await {
                Ok(found) => Some(found),
                Err(_) => return Err(slow()),
            };
            bytes.reserve_exact(wanted.saturating_sub(bytes.len()));
        }
        bytes.extend_from_slice(&piece);
    }
    if count > limit as u64 {
        shared.gateway.refused.count(peer, Reason::TooLarge);
        return Err(StatusCode::OK);
    }
    if let Some(room) = &room {
        room.mark_complete();
    }
    Ok(Body { bytes, room })
}

/// Decrypts a packet and identifies its sender. The body's room passes to the packet. An error is the status to answer.
pub(super) async fn open(
    shared: &Arc<Shared>,
    peer: &str,
    body: Body,
) -> Result<(Packet, Option<Allowance>), StatusCode> {
    let gateway = &shared.gateway;
    let refuse = |error: &WireError| {
        let reason = match error {
            WireError::BadHmac => Reason::BadHmac,
            WireError::UnknownNonce => Reason::BadNonce,
            WireError::TooLarge { .. } => Reason::TooLarge,
            _ => Reason::Malformed,
        };
        gateway.refused.count(peer, reason);
        StatusCode::FORBIDDEN
    };
    let Body { bytes, room } = body;
    let size = bytes.len();
    let envelope = match Envelope::parse(&bytes) {
        Ok(Some(envelope)) if envelope.api_version() >= 4 => envelope,
        Ok(_) => return Err(refuse(&WireError::Malformed("no packet"))),
        Err(error) => return Err(refuse(&error)),
    };
    drop(bytes);
    let worker = shared.clone();
    let is_new = !gateway.decoder.has_session(&envelope);
    // The cheap check comes first.
    if is_new && !gateway.decoder.may_be_for_us(&envelope) {
        return Err(refuse(&WireError::Malformed("sizes that cannot be right")));
    }
    let decrypt = move || {
        let orgs = |nonce: &str| (nonce == worker.config.client.nonce).then(String::new);
        worker.gateway.decoder.open(envelope, &orgs)
    };
    let opened = if is_new {
        open_session(shared, peer, decrypt).await?
    } else if size > LARGE {
        tokio::task::spawn_blocking(decrypt)
            .await
            .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?
    } else {
        decrypt()
    };
    match opened {
        Ok(Opened::Known(packet)) => Ok((packet, room)),
        Ok(Opened::Stranger(stranger)) => {
            let key = stored_key(shared, &stranger).await?;
            Ok((gateway.decoder.settle(stranger, key), room))
        }
        Err(error) => Err(refuse(&error)),
    }
}

/// Opens a packet that begins a session. Addresses take turns, and within its turn a packet waits until the rate limit
/// admits one more. Garbage does not count against that rate, but slows down its own address.
async fn open_session(
    shared: &Shared,
    peer: &str,
    decrypt: impl FnOnce() -> Result<Opened, WireError> + Send + 'static,
) -> Result<Result<Opened, WireError>, StatusCode> {
    let gateway = &shared.gateway;
    let turn = async {
        let turn = gateway.opening.enter(peer).await?;
        gateway.new_identities.wait().await.then_some(turn)
    };
    let Ok(Some(_turn)) = tokio::time::timeout(OPENING, turn).await else {
        gateway.refused.count(peer, Reason::TooMany);
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    };
    let began = Instant::now();
    let opened = tokio::task::spawn_blocking(decrypt)
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    if opened.is_err() {
        gateway.new_identities.give_back();
        if gateway.failures.count_exceeds_limit(peer) {
            tokio::time::sleep(2 * began.elapsed().min(Duration::from_millis(10))).await;
        }
    }
    Ok(opened)
}

/// The stored key of a stranger. Its absence is remembered for a while, so that repeated packets cost no database reads.
async fn stored_key(shared: &Shared, stranger: &Stranger) -> Result<Option<PublicKey>, StatusCode> {
    let name = stranger.source();
    let memory = shared.config.defaults.unauthenticated_lru_timeout_sec;
    let memory = Duration::from_secs(u64::try_from(memory).unwrap_or(0));
    if shared
        .gateway
        .unknown
        .lock()
        .get(name)
        .is_some_and(|since| since.elapsed() < memory)
    {
        return Ok(None);
    }
    let stored = match name.parse() {
        Ok(client_id) => shared.core.storage.database.client_key(&client_id).await,
        // Nobody of this name can have enrolled.
        Err(_) => Ok(None),
    };
    let stored = stored.map_err(|error| {
        tracing::error!(%error, "cannot look up an agent's key");
        StatusCode::SERVICE_UNAVAILABLE
    })?;
    if stored.is_none() && !memory.is_zero() {
        let mut unknown = shared.gateway.unknown.lock();
        if unknown.len() >= MAX_UNKNOWN {
            unknown.retain(|_, since| since.elapsed() < memory);
            if unknown.len() >= MAX_UNKNOWN {
                unknown.clear();
            }
        }
        unknown.insert(name.to_owned(), Instant::now());
    }
    Ok(stored.and_then(|pem| PublicKey::from_pem(&pem).ok()))
}

/// Packets that could not be opened, per address, in a window of one second.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    addresses: Mutex<HashMap<String, FailureWindow>>,
}

#[derive(Debug)]
struct FailureWindow {
    count: i64,
    since: Instant,
}

impl Failures {
    /// Counts a failure; true when the address had more than [`FAILURES`] within a second, or too many addresses fail.
    fn count_exceeds_limit(&self, peer: &str) -> bool {
        let mut addresses = self.addresses.lock();
        if addresses.len() >= MAX_FAILING && !addresses.contains_key(peer) {
            addresses.retain(|_, window| window.since.elapsed() < Duration::from_secs(2));
            if addresses.len() >= MAX_FAILING {
                return true;
            }
        }
        let window = addresses
            .entry(peer.to_owned())
            .or_insert_with(FailureWindow::new);
        if window.since.elapsed() >= Duration::from_secs(1) {
            *window = FailureWindow::new();
        }
        window.count += 1;
        window.count > FAILURES
    }
}

impl FailureWindow {
    fn new() -> FailureWindow {
        FailureWindow {
            count: 0,
            since: Instant::now(),
        }
    }
}

/// A token bucket that holds up to one second's tokens.
#[derive(Debug)]
pub(crate) struct RateLimit {
    per_second: Option<f64>,
    level: Mutex<TokenLevel>,
}

#[derive(Debug)]
struct TokenLevel {
    tokens: f64,
    refilled: Micros,
}

impl RateLimit {
    /// A negative rate means no limit.
    pub(super) fn new(per_second: i64) -> RateLimit {
        let per_second = (per_second >= 0).then_some(per_second as f64);
        RateLimit {
            per_second,
            level: Mutex::new(TokenLevel {
                tokens: per_second.unwrap_or(0.0),
                refilled: clock::now(),
            }),
        }
    }

    /// Undoes a [`RateLimit::wait`].
    fn give_back(&self) {
        self.level.lock().tokens += 1.0;
    }

    /// Waits for a token; false when the rate is 0.
    async fn wait(&self) -> bool {
        while !self.take() {
            match self.per_second {
                Some(per_second) if per_second > 0.0 => {
                    tokio::time::sleep(Duration::from_secs_f64(0.5 / per_second)).await;
                }
                _ => return false,
            }
        }
        true
    }

    fn take(&self) -> bool {
        let Some(per_second) = self.per_second else {
            return true;
        };
        let now = clock::now();
        let mut level = self.level.lock();
        let gained = now.saturating_sub(level.refilled).max(0) as f64 / 1e6 * per_second;
        level.tokens = (level.tokens + gained).min(per_second.max(1.0));
        level.refilled = now;
        let is_free = level.tokens >= 1.0;
        if is_free {
            level.tokens -= 1.0;
        }
        is_free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_fail_are_remembered_but_not_without_end() {
        let failures = Failures::default();
        for number in 0..2 * MAX_FAILING {
            failures.count_exceeds_limit(&number.to_string());
        }
        assert!(failures.addresses.lock().len() <= MAX_FAILING);
    }

    #[test]
    fn a_rate_holds_one_second_and_takes_back() {
        let none = RateLimit::new(0);
        assert!(!none.take());
        assert!(RateLimit::new(-1).take());
        let few = RateLimit::new(2);
        assert!(few.take() && few.take());
        few.give_back();
        assert!(few.take());
    }
}
