//! Memory for bodies that are being received. A body reserves room for all of it before more than a little is read, so
//! that half-received bodies cannot wait for each other. A party gets at most a share of the room, and slow bodies give
//! way when others wait.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Bytes of each body that need no reservation: most packets are smaller.
pub(super) const UNRESERVED_BYTES: usize = 16 << 10;
/// Bodies beyond this are large: they leave a part of the room to others, and have their own turns for processing.
pub(super) const LARGE_BODY: usize = 256 << 10;
/// Bytes for the bodies of all agents together, and for those of all strangers.
const ROOM: usize = 96 << 20;
const STRANGERS_ROOM: usize = 32 << 20;
/// One party gets at most `1/SHARES` of the room, but always room for one largest body.
const SHARES: usize = 4;
/// How long a body may take before it must give way to others that wait for room.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a waiting body looks for a slow one that must give way.
const RECHECK_INTERVAL: Duration = Duration::from_millis(500);
/// How long an address counts as that of an agent after an agent proved itself there.
const ADDRESS_MEMORY: Duration = Duration::from_secs(3600);
/// Most addresses remembered.
const MAX_ADDRESSES: usize = 100_000;

pub(crate) struct Intake {
    agents: Arc<Room>,
    strangers: Arc<Room>,
    known: Mutex<HashMap<String, Instant>>,
}

/// Who a body is charged to: the agent, once the connection has proved it, else the address.
#[derive(Clone)]
pub(super) struct Party {
    pub(super) name: Arc<str>,
    /// Whether it is an agent, or the address of one.
    pub(super) is_known: bool,
}

impl Intake {
    /// `largest` is the largest body that is accepted.
    pub(super) fn new(largest: usize) -> Intake {
        Intake {
            agents: Room::new(ROOM.max(4 * largest), largest, PATIENCE),
            strangers: Room::new(STRANGERS_ROOM.max(2 * largest), largest, PATIENCE),
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
            known.retain(|_, since| since.elapsed() < ADDRESS_MEMORY);
            if known.len() >= MAX_ADDRESSES {
                return;
            }
        }
        known.insert(peer.to_owned(), Instant::now());
    }

    /// Whether an agent proved itself from this address within [`ADDRESS_MEMORY`].
    pub(super) fn is_known(&self, peer: &str) -> bool {
        self.known
            .lock()
            .get(peer)
            .is_some_and(|since| since.elapsed() < ADDRESS_MEMORY)
    }

    /// Waits for room for a body of this length.
    pub(super) async fn reserve(&self, party: &Party, bytes: usize) -> Allowance {
        let room = if party.is_known {
            &self.agents
        } else {
            &self.strangers
        };
        room.reserve(&party.name, bytes).await
    }
}

struct Room {
    most: usize,
    share: usize,
    patience: Duration,
    reservations: Mutex<Reservations>,
    freed: Notify,
}

#[derive(Default)]
struct Reservations {
    taken: usize,
    next: u64,
    holders: HashMap<u64, Holder>,
    /// Bytes each party holds; parties that hold none are removed.
    held: HashMap<Arc<str>, usize>,
}

struct Holder {
    party: Arc<str>,
    bytes: usize,
    since: Instant,
    /// The body is complete, so it no longer gives way.
    is_whole: bool,
    give_way: CancellationToken,
}

impl Room {
    fn new(most: usize, largest: usize, patience: Duration) -> Arc<Room> {
        Arc::new(Room {
            most,
            share: (most / SHARES).max(largest),
            patience,
            reservations: Mutex::default(),
            freed: Notify::new(),
        })
    }

    async fn reserve(self: &Arc<Self>, party: &Arc<str>, bytes: usize) -> Allowance {
        loop {
            let freed = self.freed.notified();
            if let Some(allowance) = self.try_reserve(party, bytes) {
                return allowance;
            }
            tokio::select! {
                () = freed => {}
                () = tokio::time::sleep(RECHECK_INTERVAL.min(self.patience)) => {}
            }
        }
    }

    /// Takes room; when there is none, asks a slow body to give way.
    fn try_reserve(self: &Arc<Self>, party: &Arc<str>, bytes: usize) -> Option<Allowance> {
        let mut reservations = self.reservations.lock();
        let ours = reservations.held.get(party).copied().unwrap_or(0);
        let is_over_share = ours > 0 && ours + bytes > self.share;
        let most = if bytes > LARGE_BODY {
            self.most - self.most / SHARES
        } else {
            self.most
        };
        if !is_over_share && (reservations.taken + bytes <= most || reservations.taken == 0) {
            let (number, give_way) = (reservations.next, CancellationToken::new());
            reservations.next += 1;
            reservations.taken += bytes;
            let holder = Holder {
                party: party.clone(),
                bytes,
                since: Instant::now(),
                is_whole: false,
                give_way: give_way.clone(),
            };
            reservations.holders.insert(number, holder);
            *reservations.held.entry(party.clone()).or_default() += bytes;
            return Some(Allowance {
                room: self.clone(),
                number,
                give_way,
            });
        }
        // Of the slow bodies, the oldest one of the party that holds the most.
        let slow = reservations.holders.values().filter(|holder| {
            !holder.is_whole
                && holder.since.elapsed() >= self.patience
                && !holder.give_way.is_cancelled()
                && (!is_over_share || holder.party == *party)
        });
        let rank = |holder: &&Holder| {
            (
                reservations.held.get(&holder.party).copied().unwrap_or(0),
                holder.since.elapsed(),
            )
        };
        if let Some(victim) = slow.max_by_key(rank) {
            victim.give_way.cancel();
        }
        None
    }
}

/// Room reserved for a body; dropping it gives the room back.
pub(super) struct Allowance {
    room: Arc<Room>,
    number: u64,
    give_way: CancellationToken,
}

impl Allowance {
    /// Completes when others need the room more.
    pub(super) async fn must_give_way(&self) {
        self.give_way.cancelled().await;
    }

    /// Notes that the body is complete.
    pub(super) fn mark_complete(&self) {
        if let Some(holder) = self.room.reservations.lock().holders.get_mut(&self.number) {
            holder.is_whole = true;
        }
    }
}

impl Drop for Allowance {
    fn drop(&mut self) {
        let mut reservations = self.room.reservations.lock();
        if let Some(holder) = reservations.holders.remove(&self.number) {
            reservations.taken -= holder.bytes;
            if let Entry::Occupied(mut held) = reservations.held.entry(holder.party) {
                *held.get_mut() -= holder.bytes;
                if *held.get() == 0 {
                    held.remove();
                }
            }
        }
        drop(reservations);
        self.room.freed.notify_waiters();
    }
}

/// Completes when the allowance must be given back; never without one.
pub(super) async fn must_give_way(allowance: Option<&Allowance>) {
    match allowance {
        Some(allowance) => allowance.must_give_way().await,
        None => std::future::pending().await,
    }
}

/// A complete body, and the room it holds for as long as it is processed.
#[derive(Default)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) room: Option<Allowance>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(name: &str) -> Arc<str> {
        name.into()
    }

    #[tokio::test]
    async fn a_party_has_no_more_than_its_share() {
        let room = Room::new(100, 10, Duration::from_secs(3600));
        let held: Vec<_> = (0..5).map_while(|_| room.try_reserve(&party("a"), 10)).collect();
        assert_eq!(held.len(), 2, "a quarter of the room");
        assert!(room.try_reserve(&party("b"), 25).is_some());
        drop(held);
        assert!(
            !room.reservations.lock().held.contains_key("a"),
            "who holds nothing is forgotten"
        );
        assert!(room.try_reserve(&party("a"), 20).is_some());
    }

    #[tokio::test]
    async fn large_bodies_leave_room_for_others() {
        let large = 2 * LARGE_BODY;
        let room = Room::new(8 * large, large, Duration::from_secs(3600));
        let names: Vec<String> = (0..8).map(|number| number.to_string()).collect();
        let held: Vec<_> = names
            .iter()
            .map_while(|name| room.try_reserve(&party(name), large))
            .collect();
        assert_eq!(held.len(), 6);
        assert!(room.try_reserve(&party("another"), LARGE_BODY).is_some());
    }

    #[tokio::test]
    async fn who_takes_long_gives_way_and_what_is_whole_does_not() {
        let room = Room::new(100, 50, Duration::ZERO);
        let whole = room.try_reserve(&party("a"), 45).unwrap();
        whole.mark_complete();
        let slow = room.try_reserve(&party("b"), 45).unwrap();
        assert!(room.try_reserve(&party("c"), 20).is_none());
        slow.must_give_way().await;
        assert!(!whole.give_way.is_cancelled());
        drop(slow);
        room.reserve(&party("c"), 20).await;
    }

    #[tokio::test]
    async fn within_a_party_its_own_slow_ones_give_way() {
        let room = Room::new(100, 25, Duration::ZERO);
        let other = room.try_reserve(&party("other"), 25).unwrap();
        let slow = room.try_reserve(&party("crowd"), 20).unwrap();
        assert!(room.try_reserve(&party("crowd"), 10).is_none());
        slow.must_give_way().await;
        assert!(!other.give_way.is_cancelled());
    }

    #[test]
    fn addresses_of_agents_are_remembered_but_not_without_end() {
        let intake = Intake::new(1 << 20);
        for number in 0..MAX_ADDRESSES {
            intake.note(&number.to_string());
        }
        intake.note("one too many");
        assert!(intake.is_known("0") && !intake.is_known("one too many"));
        assert_eq!(intake.known.lock().len(), MAX_ADDRESSES);
    }
}
