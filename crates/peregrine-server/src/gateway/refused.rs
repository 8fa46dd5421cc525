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
    /// Genuine, but its content cannot be read.
    Damaged,
    /// A request to enrol that is not what it should be.
    BadEnrolment,
    /// A second connection of one client.
    Conflict,
    /// A stranger beyond what its address, or all together, may take.
    TooMany,
    /// A sender too slow to be waited for.
    TooSlow,
}

const REASONS: usize = 9;

/// Totals since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Totals {
    malformed: u64,
    bad_hmac: u64,
    bad_nonce: u64,
    too_large: u64,
    damaged: u64,
    bad_enrolment: u64,
    conflict: u64,
    too_many: u64,
    too_slow: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Refused {
    totals: [AtomicU64; REASONS],
    peers: Mutex<HashMap<String, (u64, Instant)>>,
}

impl Refused {
    pub(crate) fn count(&self, peer: &str, reason: Reason) {
        if let Some(total) = self.totals.get(reason as usize) {
            total.fetch_add(1, Ordering::Relaxed);
        }
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
        let [
            malformed,
            bad_hmac,
            bad_nonce,
            too_large,
            damaged,
            bad_enrolment,
            conflict,
            too_many,
            too_slow,
        ] = self.totals.each_ref().map(|total| total.load(Ordering::Relaxed));
        Totals {
            malformed,
            bad_hmac,
            bad_nonce,
            too_large,
            damaged,
            bad_enrolment,
            conflict,
            too_many,
            too_slow,
        }
    }
}
