//! What the pool has done so far.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The numbers of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Agents of the pool.
    pub agents: u64,
    /// Agents that have a connection on which they wait for work.
    pub connected: u64,
    /// Agents that the server has answered since the start. Over a websocket that takes until it sends something.
    pub enrolled: u64,
    /// Collections that have ended.
    pub collections: u64,
    /// Rows of collections that the server has confirmed.
    pub rows: u64,
    /// Rows of event queries that the server has confirmed.
    pub events: u64,
    /// Rows that were given up: events beyond what an agent keeps, and what the server refused.
    pub dropped: u64,
    /// Packets that failed or were refused, and connections that could not be made or broke.
    pub errors: u64,
    /// Bytes that wait to be sent or confirmed. A packet of events, which all agents share, counts a few.
    pub waiting: u64,
}

/// Counters shared by all agents.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) connected: AtomicU64,
    pub(crate) enrolled: AtomicU64,
    pub(crate) collections: AtomicU64,
    pub(crate) rows: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) errors: AtomicU64,
}

impl Counters {
    pub(crate) fn counts(&self, agents: usize, waiting: usize) -> Counts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            agents: agents as u64,
            connected: load(&self.connected),
            enrolled: load(&self.enrolled),
            collections: load(&self.collections),
            rows: load(&self.rows),
            events: load(&self.events),
            dropped: load(&self.dropped),
            errors: load(&self.errors),
            waiting: waiting as u64,
        }
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}

/// Counts a connection for as long as it is kept.
pub(crate) struct Connected(Arc<Counters>);

impl Connected {
    pub(crate) fn new(counters: &Arc<Counters>) -> Connected {
        add(&counters.connected, 1);
        Connected(Arc::clone(counters))
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connected.fetch_sub(1, Ordering::Relaxed);
    }
}
