//! What the tracker counts.

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

/// Numbers about a tracker since it was made (events) or right now (length, size).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Processes kept.
    pub length: u64,
    /// Processes kept that have not ended.
    pub alive: u64,
    /// About how many bytes of memory they take.
    pub size: u64,
    /// Most processes kept.
    pub capacity: u64,
    /// Processes forgotten because there were too many.
    pub evictions: u64,
    /// Processes forgotten because they ended too long ago.
    pub expired: u64,
    /// Lookups that found a process.
    pub hits: u64,
    /// Lookups that found none.
    pub misses: u64,
    /// Of these, lookups about a time from which processes have been forgotten: it may have been one of them.
    pub misses_forgotten: u64,
    /// Start events taken in.
    pub starts: u64,
    /// Exec events taken in.
    pub execs: u64,
    /// Exit events taken in.
    pub exits: u64,
    /// Full lists taken in.
    pub syncs: u64,
    /// Exits concluded from a process missing in a full list.
    pub inferred_exits: u64,
    /// Exits of processes never seen before.
    pub unseen_exits: u64,
    /// Starts and exits reported more than once.
    pub duplicates: u64,
    /// Updates that slow subscribers did not get.
    pub dropped_updates: u64,
    /// Events lost before they reached the tracker, by source, as the feeds reported.
    pub lost: BTreeMap<String, u64>,
}
