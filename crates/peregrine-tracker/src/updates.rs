//! Subscriptions: changes of processes as they happen, through bounded queues.

use crate::{Process, Stats, Time};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Capacity a queue keeps once it is empty; a burst leaves a large one.
const KEPT_CAPACITY: usize = 64;

/// The kind of a change inside the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Start,
    Exec,
    Exit,
}

/// An update for a subscriber.
pub enum Update<D> {
    /// A full list was applied; [`crate::Tracker::all`] returns everything known now. This is also the first
    /// update of every subscription. A newer one replaces an older one that has not been read.
    Sync {
        /// When the list was taken.
        at: Time,
    },
    /// A process started, or was discovered by a list.
    Start(Arc<Process<D>>),
    /// A process runs another program.
    Exec(Arc<Process<D>>),
    /// A process ended, or was found missing in a list.
    Exit(Arc<Process<D>>),
    /// Statistics, periodically.
    Stats(Arc<Stats>),
    /// This many updates are missing here because the subscriber was too slow.
    Gap(u64),
}

impl<D> Clone for Update<D> {
    fn clone(&self) -> Update<D> {
        match self {
            Update::Sync { at } => Update::Sync { at: *at },
            Update::Start(process) => Update::Start(process.clone()),
            Update::Exec(process) => Update::Exec(process.clone()),
            Update::Exit(process) => Update::Exit(process.clone()),
            Update::Stats(stats) => Update::Stats(stats.clone()),
            Update::Gap(count) => Update::Gap(*count),
        }
    }
}

impl<D> Update<D> {
    /// The word rows use: `sync`, `start`, `exec`, `exit`, `stats` or `gap`.
    pub fn kind(&self) -> &'static str {
        match self {
            Update::Sync { .. } => "sync",
            Update::Start(_) => "start",
            Update::Exec(_) => "exec",
            Update::Exit(_) => "exit",
            Update::Stats(_) => "stats",
            Update::Gap(_) => "gap",
        }
    }
}

/// The reading end. Dropping it ends the subscription.
pub struct Subscription<D> {
    queue: Arc<Queue<D>>,
}

struct Queue<D> {
    capacity: usize,
    state: Mutex<Backlog<D>>,
    ready: Condvar,
}

struct Backlog<D> {
    updates: VecDeque<Update<D>>,
    gap: u64,
    is_closed: bool,
}

impl<D> Subscription<D> {
    /// The next update, if there is one.
    pub fn try_next(&self) -> Option<Update<D>> {
        self.queue.state.lock().take()
    }

    /// The next update, waiting for it up to `timeout`.
    pub fn next_timeout(&self, timeout: Duration) -> Option<Update<D>> {
        let mut state = self.queue.state.lock();
        if state.updates.is_empty() && state.gap == 0 && !state.is_closed {
            self.queue.ready.wait_for(&mut state, timeout);
        }
        state.take()
    }

    /// True if the tracker is gone: only queued updates remain.
    pub fn is_closed(&self) -> bool {
        self.queue.state.lock().is_closed
    }
}

impl<D> Backlog<D> {
    /// A gap comes before everything that is still queued.
    fn take(&mut self) -> Option<Update<D>> {
        if self.gap > 0 {
            return Some(Update::Gap(std::mem::take(&mut self.gap)));
        }
        let next = self.updates.pop_front();
        if self.updates.is_empty() && self.updates.capacity() > KEPT_CAPACITY {
            self.updates = VecDeque::new();
        }
        next
    }
}

/// The writing end: all current subscribers.
pub(crate) struct Subscribers<D> {
    queues: Vec<Weak<Queue<D>>>,
    pub(crate) dropped: u64,
}

impl<D> Subscribers<D> {
    pub(crate) fn new() -> Subscribers<D> {
        Subscribers {
            queues: Vec::new(),
            dropped: 0,
        }
    }

    pub(crate) fn add(&mut self, capacity: usize, first: Update<D>) -> Subscription<D> {
        let state = Backlog {
            updates: VecDeque::from([first]),
            gap: 0,
            is_closed: false,
        };
        let queue = Arc::new(Queue {
            capacity: capacity.max(1),
            state: Mutex::new(state),
            ready: Condvar::new(),
        });
        self.queues.push(Arc::downgrade(&queue));
        Subscription { queue }
    }

    /// True if there are subscribers.
    pub(crate) fn is_any(&mut self) -> bool {
        self.queues.retain(|queue| queue.strong_count() > 0);
        !self.queues.is_empty()
    }

    pub(crate) fn publish(&mut self, update: &Update<D>) {
        for queue in self.queues.iter().filter_map(Weak::upgrade) {
            let mut state = queue.state.lock();
            if matches!(update, Update::Sync { .. }) {
                // A reader of the newest one asks for everything anyway.
                state
                    .updates
                    .retain(|queued| !matches!(queued, Update::Sync { .. }));
            }
            if state.updates.len() >= queue.capacity {
                state.updates.pop_front();
                state.gap += 1;
                self.dropped += 1;
            }
            state.updates.push_back(update.clone());
            queue.ready.notify_one();
        }
    }
}

impl<D> Drop for Subscribers<D> {
    fn drop(&mut self) {
        for queue in self.queues.iter().filter_map(Weak::upgrade) {
            queue.state.lock().is_closed = true;
            queue.ready.notify_all();
        }
    }
}
