//! Counts refused packets; logs at most one line per minute and peer.

use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Most peers remembered between two log lines.
const MAX_PEERS: usize = 4096;
const INTERVAL: Duration = Duration::from_secs(60);

/// Why a packet was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Malformed,
    BadHmac,
    BadNonce,
    TooLarge,
    /// A genuine packet whose content cannot be read.
    Damaged,
    /// An invalid enrolment request.
    BadEnrolment,
    /// A second connection with the same client id.
    Conflict,
    /// Beyond a limit on connections, turns or rates: of an address, of an agent, or of all together.
    TooMany,
    /// A sender that was too slow.
    TooSlow,
}

/// Names of the reasons in the server's status, in the order of the variants.
const NAMES: [&str; 9] = [
    "malformed",
    "bad_hmac",
    "bad_nonce",
    "too_large",
    "damaged",
    "bad_enrolment",
    "conflict",
    "too_many",
    "too_slow",
];

#[derive(Debug, Default)]
pub(crate) struct Refused {
    totals: [AtomicU64; NAMES.len()],
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

    /// Refused packets per reason since the start.
    pub(crate) fn totals(&self) -> BTreeMap<&'static str, u64> {
        let totals = self.totals.iter().map(|total| total.load(Ordering::Relaxed));
        NAMES.into_iter().zip(totals).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_counts_under_its_own_name() {
        let refused = Refused::default();
        for (times, reason) in [
            (1, Reason::Malformed),
            (2, Reason::BadHmac),
            (3, Reason::BadNonce),
            (4, Reason::TooLarge),
            (5, Reason::Damaged),
            (6, Reason::BadEnrolment),
            (7, Reason::Conflict),
            (8, Reason::TooMany),
            (9, Reason::TooSlow),
        ] {
            (0..times).for_each(|_| refused.count("127.0.0.1", reason));
            let totals = refused.totals();
            let name = totals.iter().find(|(_, total)| **total == times).unwrap().0;
            assert_eq!(name.replace('_', ""), format!("{reason:?}").to_lowercase());
        }
    }
}
