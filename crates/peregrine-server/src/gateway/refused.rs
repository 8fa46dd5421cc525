//! Counts refused packets; one log line a minute and peer, however many it sends.

use parking_lot::Mutex;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Peers remembered between two log lines.
const MAX_PEERS: usize = 4096;
const INTERVAL: Duration = Duration::from_secs(60);

/// Why a packet was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Malformed,
    BadHmac,
    BadNonce,
    TooLarge,
}

/// Totals since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Totals {
    malformed: u64,
    bad_hmac: u64,
    bad_nonce: u64,
    too_large: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Refused {
    totals: [AtomicU64; 4],
    peers: Mutex<HashMap<String, (u64, Instant)>>,
}

impl Refused {
    pub(crate) fn count(&self, peer: &str, reason: Reason) {
        let [malformed, bad_hmac, bad_nonce, too_large] = &self.totals;
        let total = match reason {
            Reason::Malformed => malformed,
            Reason::BadHmac => bad_hmac,
            Reason::BadNonce => bad_nonce,
            Reason::TooLarge => too_large,
        };
        total.fetch_add(1, Ordering::Relaxed);
        let mut peers = self.peers.lock();
        if peers.len() >= MAX_PEERS && !peers.contains_key(peer) {
            peers.retain(|_, (_, logged)| logged.elapsed() < INTERVAL);
            if peers.len() >= MAX_PEERS {
                return;
            }
        }
        match peers.get_mut(peer) {
            Some((count, logged)) if logged.elapsed() < INTERVAL => *count += 1,
            found => {
                let since = found.map_or(0, |(count, _)| *count) + 1;
                peers.insert(peer.to_owned(), (0, Instant::now()));
                tracing::warn!(peer, ?reason, packets = since, "packets refused");
            }
        }
    }

    pub(crate) fn totals(&self) -> Totals {
        let [malformed, bad_hmac, bad_nonce, too_large] = &self.totals;
        let read = |total: &AtomicU64| total.load(Ordering::Relaxed);
        Totals {
            malformed: read(malformed),
            bad_hmac: read(bad_hmac),
            bad_nonce: read(bad_nonce),
            too_large: read(too_large),
        }
    }
}
