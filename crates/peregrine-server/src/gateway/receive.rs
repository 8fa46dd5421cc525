//! From a request's body to a packet whose sender is known, or known to be unknown.

use super::refused::Reason;
use crate::clock;
use crate::shared::Shared;
use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt;
use http::StatusCode;
use parking_lot::Mutex;
use peregrine_wire::{Envelope, Error as WireError, Opened, Packet, PublicKey, Stranger};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest time a body may take, as the reference's servers allow.
const BODY_TIME: Duration = Duration::from_secs(500);
/// Bodies larger than this are decrypted on a thread for blocking work.
const LARGE: usize = 64 << 10;
/// Unknown senders remembered.
const MAX_UNKNOWN: usize = 10_000;

/// Reads a body up to the limit. Beyond it the agent is told 200, so that it drops what can never be accepted.
pub(super) async fn body(shared: &Shared, peer: &str, body: Body, most: usize) -> Result<Bytes, StatusCode> {
    let limit = usize::try_from(shared.config.frontend.resources.max_upload_size.saturating_mul(2))
        .unwrap_or(usize::MAX)
        .min(peregrine_wire::limits::PACKET)
        .min(most);
    let read = async {
        let mut stream = body.into_data_stream();
        let mut all = Vec::new();
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|_| StatusCode::BAD_REQUEST)?;
            if all.len() + piece.len() > limit {
                shared.gateway.refused.count(peer, Reason::TooLarge);
                return Err(StatusCode::OK);
            }
            all.extend_from_slice(&piece);
        }
        Ok(Bytes::from(all))
    };
    tokio::time::timeout(BODY_TIME, read)
        .await
        .unwrap_or(Err(StatusCode::REQUEST_TIMEOUT))
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
    if is_new && !shared.gateway.new_identities.take() {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
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
