//! From a request's body to a packet whose sender is known, or known to be unknown.

use super::intake::SMALL;
use super::refused::Reason;
use crate::clock;
use crate::config::Config;
use crate::shared::Shared;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures_util::StreamExt;
use http::StatusCode;
use parking_lot::Mutex;
use peregrine_wire::{Envelope, Error as WireError, Opened, Packet, PublicKey, Stranger};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout_at;

/// Longest time a body may take, as the reference's servers allow, and that of a stranger's.
const BODY_TIME: Duration = Duration::from_secs(500);
const STRANGER_BODY_TIME: Duration = Duration::from_secs(60);
/// How long a body may take to begin, and how many bytes a second it must have on average after that.
const BODY_GRACE: Duration = Duration::from_secs(20);
const AGENT_PACE: u64 = 1 << 10;
const STRANGER_PACE: u64 = 16 << 10;
/// Most bytes of a body that carries a few words.
pub(super) const SMALL_BODY: usize = 1 << 20;
/// Packets that could not be opened, per second and address, after which no more are tried for a while.
const FAILURES: i64 = 10;
/// Addresses of which failures are remembered.
const MAX_FAILING: usize = 10_000;
/// How long a stranger's packet may wait to be opened.
const OPENING: Duration = Duration::from_secs(20);
/// Bodies larger than this are decrypted on a thread for blocking work.
const LARGE: usize = 64 << 10;
/// Unknown senders remembered.
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
pub(super) fn body_time(is_known: bool) -> Duration {
    if is_known { BODY_TIME } else { STRANGER_BODY_TIME }
}

/// Reads a body up to the limit. Beyond it the agent is told 200, so that it drops what can never be accepted; the rest
/// is read first, as an agent that is still writing does not hear.
pub(super) async fn body(shared: &Shared, peer: &str, body: Body, most: usize) -> Result<Bytes, StatusCode> {
    let limit = limit(shared).min(most);
    let intake = &shared.gateway.intake;
    let is_known = intake.is_known(peer);
    let pace = if is_known { AGENT_PACE } else { STRANGER_PACE };
    let started = Instant::now();
    let end = started + body_time(is_known);
    let declared = body
        .size_hint()
        .exact()
        .and_then(|length| usize::try_from(length).ok());
    let wanted = declared.unwrap_or(limit).min(limit);
    let slow = || {
        shared.gateway.refused.count(peer, Reason::TooSlow);
        StatusCode::REQUEST_TIMEOUT
    };
    let (mut stream, mut all, mut room, mut count) = (body.into_data_stream(), Vec::new(), None, 0u64);
    loop {
        let deadline =
            end.min(started + BODY_GRACE + Duration::from_millis(count.saturating_mul(1000) / pace));
        let piece = match timeout_at(deadline.into(), stream.next()).await {
            Ok(Some(piece)) => piece.map_err(|_| StatusCode::BAD_REQUEST)?,
            Ok(None) => break,
            Err(_) => return Err(slow()),
        };
        count += piece.len() as u64;
        if count > limit as u64 {
            all = Vec::new();
            room = None;
            continue;
        }
        if room.is_none() && count > SMALL as u64 {
            room = match timeout_at(end.into(), intake.reserve(is_known, wanted)).await {
                Ok(found) => found,
                Err(_) => return Err(slow()),
            };
            all.reserve_exact(wanted.saturating_sub(all.len()));
        }
        all.extend_from_slice(&piece);
    }
    if count > limit as u64 {
        shared.gateway.refused.count(peer, Reason::TooLarge);
        return Err(StatusCode::OK);
    }
    Ok(match room {
        Some(room) => room.keep(all),
        None => all.into(),
    })
}

/// Decrypts and identifies. An error is the status to answer.
pub(super) async fn open(shared: &Arc<Shared>, peer: &str, body: Bytes) -> Result<Packet, StatusCode> {
    let refuse = |error: &WireError| {
        let reason = match error {
            WireError::BadHmac => Reason::BadHmac,
            WireError::UnknownNonce => Reason::BadNonce,
            WireError::TooLarge { .. } => Reason::TooLarge,
            _ => Reason::Malformed,
        };
        shared.gateway.refused.count(peer, reason);
        StatusCode::FORBIDDEN
    };
    let envelope = match Envelope::parse(&body) {
        Ok(Some(envelope)) if envelope.api_version() >= 4 => envelope,
        Ok(_) => return Err(refuse(&WireError::Malformed("no packet"))),
        Err(error) => return Err(refuse(&error)),
    };
    let is_new = !shared.gateway.decoder.has_session(&envelope);
    // What comes first is cheap: sizes that cannot be right, and an address that sent what could not be opened. Garbage
    // gives back what it took of the rate of new identities, and takes no more of it at once than there are turns.
    let gateway = &shared.gateway;
    if is_new && !gateway.decoder.may_be_for_us(&envelope) {
        return Err(refuse(&WireError::Malformed("sizes that cannot be right")));
    }
    let _turn = if is_new {
        if gateway.failures.is_exhausted(peer) {
            gateway.refused.count(peer, Reason::TooMany);
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        let Ok(Ok(turn)) = tokio::time::timeout(OPENING, gateway.opening.acquire()).await else {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        };
        if !gateway.new_identities.take() {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        Some(turn)
    } else {
        None
    };
    let worker = shared.clone();
    let decrypt = move || {
        let orgs = |nonce: &str| (nonce == worker.config.client.nonce).then(String::new);
        worker.gateway.decoder.open(envelope, &orgs)
    };
    let opened = if is_new || body.len() > LARGE {
        tokio::task::spawn_blocking(decrypt)
            .await
            .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?
    } else {
        decrypt()
    };
    if is_new && opened.is_err() {
        gateway.failures.count(peer);
        gateway.new_identities.give_back();
    }
    match opened {
        Ok(Opened::Known(packet)) => Ok(packet),
        Ok(Opened::Stranger(stranger)) => {
            let key = stored_key(shared, &stranger).await?;
            Ok(shared.gateway.decoder.settle(stranger, key))
        }
        Err(error) => Err(refuse(&error)),
    }
}

/// The key a stranger should hold. That there is none is remembered for a while: a crowd of strangers costs no reads.
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
    let stored = shared.storage.database.client_key(name).await.map_err(|error| {
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

/// Addresses that sent what could not be opened: a bucket for each, which is full for those not listed.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    addresses: Mutex<HashMap<String, (i64, Instant)>>,
}

impl Failures {
    fn count(&self, peer: &str) {
        let mut addresses = self.addresses.lock();
        if addresses.len() >= MAX_FAILING && !addresses.contains_key(peer) {
            addresses.retain(|_, (_, since)| since.elapsed() < Duration::from_secs(2));
            if addresses.len() >= MAX_FAILING {
                return;
            }
        }
        let (count, since) = addresses.entry(peer.to_owned()).or_insert((0, Instant::now()));
        if since.elapsed() >= Duration::from_secs(1) {
            (*count, *since) = (0, Instant::now());
        }
        *count += 1;
    }

    fn is_exhausted(&self, peer: &str) -> bool {
        let addresses = self.addresses.lock();
        addresses
            .get(peer)
            .is_some_and(|(count, since)| *count >= FAILURES && since.elapsed() < Duration::from_secs(1))
    }
}

/// A token bucket that holds one second's worth.
#[derive(Debug)]
pub(crate) struct RateLimit {
    per_second: Option<f64>,
    level: Mutex<(f64, i64)>,
}

impl RateLimit {
    /// Negative means no limit.
    pub(super) fn new(per_second: i64) -> RateLimit {
        let per_second = (per_second >= 0).then_some(per_second as f64);
        RateLimit {
            per_second,
            level: Mutex::new((per_second.unwrap_or(0.0), clock::now())),
        }
    }

    /// Undoes a [`RateLimit::take`].
    fn give_back(&self) {
        self.level.lock().0 += 1.0;
    }

    pub(super) fn take(&self) -> bool {
        let Some(per_second) = self.per_second else {
            return true;
        };
        let now = clock::now();
        let mut level = self.level.lock();
        let gained = now.saturating_sub(level.1).max(0) as f64 / 1e6 * per_second;
        *level = ((level.0 + gained).min(per_second.max(1.0)), now);
        let is_free = level.0 >= 1.0;
        if is_free {
            level.0 -= 1.0;
        }
        is_free
    }
}
