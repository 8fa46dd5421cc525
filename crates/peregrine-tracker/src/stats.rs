//! The counters of the tracker.

use std::collections::BTreeMap;

/// Counters kept under the write lock.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters {
    pub(crate) bytes: u64,
    pub(crate) starts: u64,
    pub(crate) execs: u64,
    pub(crate) exits: u64,
    pub(crate) syncs: u64,
    pub(crate) inferred_exits: u64,
    pub(crate) unseen_exits: u64,
    pub(crate) duplicates: u64,
    pub(crate) evictions: u64,
    pub(crate) expired: u64,
}

/// Statistics of a tracker since its creation (events) or at present (length, size).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Processes kept.
    pub length: u64,
    /// Processes kept that have not ended.
    pub alive: u64,
    /// Approximate bytes of memory they take.
    pub size: u64,
    /// Maximum number of processes.
    pub capacity: u64,
    /// Processes forgotten because there were too many.
    pub evictions: u64,
    /// Processes forgotten because they ended too long ago.
    pub expired: u64,
    /// Lookups that found a process.
    pub hits: u64,
    /// Lookups that found no process.
    pub misses: u64,
    /// Of these, lookups about a time from which processes have been forgotten: one of those may have been
    /// meant.
    pub misses_forgotten: u64,
    /// Start events received.
    pub starts: u64,
    /// Exec events received.
    pub execs: u64,
    /// Exit events received.
    pub exits: u64,
    /// Full lists received.
    pub syncs: u64,
    /// Exits inferred from a process missing in a full list.
    pub inferred_exits: u64,
    /// Exits of processes that had never been seen.
    pub unseen_exits: u64,
    /// Starts and exits reported more than once.
    pub duplicates: u64,
    /// Updates that slow subscribers did not get.
    pub dropped_updates: u64,
    /// Events lost before they reached the tracker, by source, as reported by the feeds.
    pub lost: BTreeMap<String, u64>,
}
