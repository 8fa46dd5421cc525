//! Room for what is being received. A body gets room for all of it before more than a little of it is read, so that
//! those that are half there cannot wait for each other; strangers share a part, so that they cannot keep agents out.

use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of each body that need no room: most packets are smaller.
pub(super) const SMALL: usize = 32 << 10;
/// Room for all bodies together, and for those of strangers.
const ROOM: usize = 256 << 20;
const STRANGERS_ROOM: usize = 64 << 20;
/// The unit in which room is counted.
const UNIT: usize = 4 << 10;
/// How long an address counts as one of agents after an agent there proved itself.
const MEMORY: Duration = Duration::from_secs(3600);
/// Addresses remembered.
const MAX_ADDRESSES: usize = 100_000;

pub(crate) struct Intake {
    agents: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    known: Mutex<HashMap<String, Instant>>,
}

impl Intake {
    /// `largest` is the largest body that is accepted.
    pub(super) fn new(largest: usize) -> Intake {
        let room = |least: usize, bodies: usize| {
            let bytes = least.max(bodies.saturating_mul(largest));
            Arc::new(Semaphore::new(bytes.div_ceil(UNIT).min(Semaphore::MAX_PERMITS)))
        };
        Intake {
            agents: room(ROOM, 8),
            strangers: room(STRANGERS_ROOM, 2),
            known: Mutex::default(),
        }
    }

    /// Notes that an agent proved itself from this address.
    pub(super) fn note(&self, peer: &str) {
        let mut known = self.known.lock();
        if let Some(since) = known.get_mut(peer) {
            *since = Instant::now();
            return;
        }
        if known.len() >= MAX_ADDRESSES {
            known.retain(|_, since| since.elapsed() < MEMORY);
            if known.len() >= MAX_ADDRESSES {
                return;
            }
        }
        known.insert(peer.to_owned(), Instant::now());
    }

    /// Whether agents of ours are at this address.
    pub(super) fn is_known(&self, peer: &str) -> bool {
        self.known
            .lock()
            .get(peer)
            .is_some_and(|since| since.elapsed() < MEMORY)
    }

    /// Waits for room for a body of this length.
    pub(super) async fn reserve(&self, is_known: bool, bytes: usize) -> Option<Allowance> {
        if bytes <= SMALL {
            return Some(Allowance(None));
        }
        let room = if is_known { &self.agents } else { &self.strangers };
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        Some(Allowance(Some(
            room.clone().acquire_many_owned(units).await.ok()?,
        )))
    }
}

/// Room for a body.
pub(super) struct Allowance(Option<OwnedSemaphorePermit>);

impl Allowance {
    /// Keeps the room until the bytes are gone.
    pub(super) fn keep(self, bytes: Vec<u8>) -> Bytes {
        match self.0 {
            None => bytes.into(),
            Some(room) => Bytes::from_owner(Held { bytes, _room: room }),
        }
    }
}

struct Held {
    bytes: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
