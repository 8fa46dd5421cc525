//! The tracker: one lock around the store, with subscribers and the journal outside it.

use crate::codec;
use crate::payload::Payload;
use crate::persist::{Flushed, Journal};
use crate::store::Store;
use crate::updates::{Change, Subscribers};
use crate::{
    Config, Event, Id, Pid, Process, Row, Span, Stats, Subscription, SyncReport, Time, Tree, Update,
};
use parking_lot::{Mutex, RwLock};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Remembers processes. Share it as `Arc<Tracker<D>>`; all methods take `&self`.
pub struct Tracker<D> {
    inner: RwLock<Inner<D>>,
    /// Writing to disk happens outside the store's lock.
    journal: Option<Mutex<Journal>>,
    hits: AtomicU64,
    misses: AtomicU64,
    misses_forgotten: AtomicU64,
}

struct Inner<D> {
    store: Store<D>,
    subscribers: Subscribers<D>,
    last_stats: Option<Time>,
}

impl<D: Payload> Tracker<D> {
    /// An empty tracker that lives in memory only.
    pub fn new(config: Config) -> Tracker<D> {
        Tracker::from_store(Store::new(config), None)
    }

    pub(crate) fn from_store(store: Store<D>, journal: Option<Journal>) -> Tracker<D> {
        let inner = Inner {
            store,
            subscribers: Subscribers::new(),
            last_stats: None,
        };
        Tracker {
            inner: RwLock::new(inner),
            journal: journal.map(Mutex::new),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            misses_forgotten: AtomicU64::new(0),
        }
    }

    // Input.

    /// Applies events, in any order, under one lock. `now` drives expiry and the periodic statistics.
    pub fn apply(&self, now: Time, events: impl IntoIterator<Item = Event<D>>) {
        let mut inner = self.inner.write();
        inner.listen();
        for event in events {
            inner.store.apply(event);
            // Before eviction can remove what changed.
            inner.publish_changes();
            inner.store.trim(now);
        }
        inner.tick(now, self);
    }

    /// Applies a full list of processes whose creation began at `taken_at`; `precision` is how far its start
    /// times may be off. Living processes it lacks have exited.
    pub fn sync(
        &self,
        taken_at: Time,
        precision: Span,
        rows: impl IntoIterator<Item = Row<D>>,
    ) -> SyncReport {
        let mut inner = self.inner.write();
        inner.listen();
        let report = inner.store.sync(taken_at, precision, rows);
        inner.publish_changes();
        inner.store.trim(taken_at);
        if inner.subscribers.is_any() {
            inner.subscribers.publish(&Update::Sync { at: taken_at });
        }
        inner.tick(taken_at, self);
        report
    }

    /// Expires old records and sends statistics when they are due.
    pub fn tick(&self, now: Time) {
        let mut inner = self.inner.write();
        inner.store.trim(now);
        inner.tick(now, self);
    }

    /// Records that a feed lost `count` events before they arrived.
    pub fn report_lost(&self, source: &str, count: u64) {
        *self
            .inner
            .write()
            .store
            .lost
            .entry(source.to_owned())
            .or_default() += count;
    }

    // Output. `id` is a unique id or a pid; without `as_of`, the result is about now.

    /// One process.
    pub fn get(&self, id: &str, as_of: Option<Time>) -> Option<Process<D>> {
        let as_of = as_of.unwrap_or(Time::MAX);
        self.with(id, as_of, |store, handle| store.process(handle, as_of))
    }

    /// The id and start of the process that has this pid and started at this time, within the precision.
    pub fn identify(&self, pid: &str, start: Time, precision: Span) -> Option<(Id, Time)> {
        let store = &self.inner.read().store;
        let found = store.find_started(&Pid::from(pid), start, precision);
        found.map(|handle| (store.slab[handle].id.clone(), store.slab[handle].start))
    }

    /// The latest start of a process that has been forgotten: data about that time or before may be missing.
    pub fn forgotten_until(&self) -> Option<Time> {
        self.inner.read().store.forgotten_until
    }

    /// Root → … → process: at most `max_items`, those next to the process. Empty if it is unknown.
    pub fn callchain(&self, id: &str, max_items: usize, as_of: Option<Time>) -> Vec<Process<D>> {
        let as_of = as_of.unwrap_or(Time::MAX);
        let chain = self.with(id, as_of, |store, handle| {
            store
                .chain(handle, max_items)
                .into_iter()
                .map(|h| store.process(h, as_of))
                .collect()
        });
        chain.unwrap_or_default()
    }

    /// The ids of the children that `process` had when it was looked up, earliest first. Separate, because a
    /// process can have thousands and most callers do not need them.
    pub fn child_ids(&self, process: &Process<D>) -> Vec<Id> {
        self.inner.read().store.child_ids(process)
    }

    /// Its children, earliest first.
    pub fn children(&self, id: &str, max_items: usize, as_of: Option<Time>) -> Vec<Process<D>> {
        let as_of = as_of.unwrap_or(Time::MAX);
        let children = self.with(id, as_of, |store, handle| {
            let children = store.children_at(handle, as_of);
            children
                .into_iter()
                .take(max_items)
                .map(|h| store.process(h, as_of))
                .collect()
        });
        children.unwrap_or_default()
    }

    /// The other children of its parent, earliest first.
    pub fn siblings(&self, id: &str, max_items: usize, as_of: Option<Time>) -> Vec<Process<D>> {
        let as_of = as_of.unwrap_or(Time::MAX);
        let siblings = self.with(id, as_of, |store, handle| {
            let siblings = store.siblings_at(handle, as_of);
            siblings
                .into_iter()
                .take(max_items)
                .map(|h| store.process(h, as_of))
                .collect()
        });
        siblings.unwrap_or_default()
    }

    /// All remembered processes, including exited ones, earliest first.
    pub fn all(&self, as_of: Option<Time>) -> Vec<Process<D>> {
        self.inner.read().all(as_of.unwrap_or(Time::MAX))
    }

    /// The processes that are (or were) alive.
    pub fn alive(&self, as_of: Option<Time>) -> Vec<Process<D>> {
        let as_of = as_of.unwrap_or(Time::MAX);
        let inner = self.inner.read();
        let store = &inner.store;
        let all = store.all_at(as_of).into_iter();
        all.filter(|h| store.is_alive_at(*h, as_of))
            .map(|h| store.process(h, as_of))
            .collect()
    }

    /// A process with its descendants (`None` if it is unknown); without `id` the whole forest.
    pub fn tree(&self, id: Option<&str>, max_items: usize, as_of: Option<Time>) -> Option<Tree<D>> {
        let as_of = as_of.unwrap_or(Time::MAX);
        match id {
            Some(id) => self.with(id, as_of, |store, handle| {
                store.tree_at(Some(handle), max_items, as_of)
            }),
            None => Some(self.inner.read().store.tree_at(None, max_items, as_of)),
        }
    }

    /// Subscribes to future changes. The first update is a [`Update::Sync`]; a reader that falls more than
    /// `capacity` updates behind loses the oldest ones and learns how many.
    pub fn subscribe(&self, capacity: usize) -> Subscription<D> {
        let mut inner = self.inner.write();
        let at = inner.store.last_full_sync.unwrap_or_default();
        inner.subscribers.add(capacity, Update::Sync { at })
    }

    /// Current statistics.
    pub fn stats(&self) -> Stats {
        self.inner.read().stats(self)
    }

    /// Number of records kept, without computing statistics.
    pub fn len(&self) -> usize {
        self.inner.read().store.slab.len()
    }

    /// Panics if the internal indexes disagree: slow, for tests.
    #[doc(hidden)]
    pub fn check_invariants(&self) {
        crate::invariants::check(&self.inner.read().store);
    }

    /// True if nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When the latest full list was taken.
    pub fn last_sync(&self) -> Option<Time> {
        self.inner.read().store.last_full_sync
    }

    /// Writes changes since the last call to the journal; does nothing for a tracker in memory.
    ///
    /// Call it about every second and at the end. After an error, the next call writes the whole state.
    pub fn flush(&self) -> io::Result<Flushed> {
        let Some(journal) = &self.journal else {
            return Ok(Flushed::default());
        };
        let mut journal = journal.lock();
        let (changes, is_whole) = {
            let mut inner = self.inner.write();
            let store = &mut inner.store;
            let is_overflowed = store.is_overflowed;
            let mut bytes = codec::take_changes(store);
            let is_whole = is_overflowed || journal.wants_rewrite(bytes.len(), &store.config);
            if is_whole {
                bytes = codec::whole(store);
            }
            (bytes, is_whole)
        };
        match is_whole {
            true => journal.rewrite(&changes),
            false => journal.append(&changes),
        }
    }

    fn with<R>(&self, id: &str, as_of: Time, read: impl FnOnce(&Store<D>, u32) -> R) -> Option<R> {
        let inner = self.inner.read();
        let found = inner.store.lookup(id, as_of);
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        if found.is_none() && inner.store.forgotten_until.is_some_and(|until| as_of <= until) {
            self.misses_forgotten.fetch_add(1, Ordering::Relaxed);
        }
        found.map(|handle| read(&inner.store, handle))
    }
}

impl<D: Payload> Inner<D> {
    /// Collects changes only while there are subscribers.
    fn listen(&mut self) {
        self.store.changes = self.subscribers.is_any().then(Vec::new);
    }

    fn publish_changes(&mut self) {
        let Some(changes) = &mut self.store.changes else {
            return;
        };
        for (change, handle) in std::mem::take(changes) {
            let process = Arc::new(self.store.process(handle, Time::MAX));
            let update = match change {
                Change::Start => Update::Start(process),
                Change::Exec => Update::Exec(process),
                Change::Exit => Update::Exit(process),
            };
            self.subscribers.publish(&update);
        }
    }

    fn all(&self, as_of: Time) -> Vec<Process<D>> {
        self.store
            .all_at(as_of)
            .into_iter()
            .map(|handle| self.store.process(handle, as_of))
            .collect()
    }

    fn tick(&mut self, now: Time, tracker: &Tracker<D>) {
        let due = self
            .last_stats
            .is_none_or(|last| last.plus(self.store.config.stats_period) <= now);
        if due && self.subscribers.is_any() {
            self.last_stats = Some(now);
            let stats = Arc::new(self.stats(tracker));
            self.subscribers.publish(&Update::Stats(stats));
        }
    }

    fn stats(&self, tracker: &Tracker<D>) -> Stats {
        let store = &self.store;
        let counters = &store.counters;
        Stats {
            length: store.slab.len() as u64,
            alive: store.slab.iter().filter(|(_, slot)| slot.end.is_none()).count() as u64,
            size: counters.bytes,
            capacity: store.config.max_size as u64,
            evictions: counters.evictions,
            expired: counters.expired,
            hits: tracker.hits.load(Ordering::Relaxed),
            misses: tracker.misses.load(Ordering::Relaxed),
            misses_forgotten: tracker.misses_forgotten.load(Ordering::Relaxed),
            starts: counters.starts,
            execs: counters.execs,
            exits: counters.exits,
            syncs: counters.syncs,
            inferred_exits: counters.inferred_exits,
            unseen_exits: counters.unseen_exits,
            duplicates: counters.duplicates,
            dropped_updates: self.subscribers.dropped,
            lost: store.lost.clone(),
        }
    }
}
