//! Cancellation: a tree of tokens with deadlines.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// A token that is cancelled explicitly, by its deadline, or with its parent. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Arc<Node>);

#[derive(Debug, Default)]
struct Node {
    cancelled: AtomicBool,
    /// The earlier of its own deadline and those of its ancestors.
    deadline: Option<Instant>,
    children: Mutex<Vec<Weak<Node>>>,
    changed: Condvar,
}

impl Cancellation {
    /// A token without deadline.
    #[must_use]
    pub fn new() -> Cancellation {
        Cancellation::default()
    }

    /// A token that cancels itself after a while.
    #[must_use]
    pub fn with_deadline(after: Duration) -> Cancellation {
        Cancellation::new().child_with_deadline(after)
    }

    /// A token that is cancelled with this one, and can be cancelled alone.
    #[must_use]
    pub fn child(&self) -> Cancellation {
        self.child_until(self.0.deadline)
    }

    /// A child that also cancels itself after a while.
    #[must_use]
    pub fn child_with_deadline(&self, after: Duration) -> Cancellation {
        let own = Instant::now().checked_add(after);
        let deadline = match (self.0.deadline, own) {
            (Some(parent), Some(own)) => Some(parent.min(own)),
            (parent, own) => parent.or(own),
        };
        self.child_until(deadline)
    }

    /// Cancels this token and everything below it.
    pub fn cancel(&self) {
        let mut pending = vec![Arc::clone(&self.0)];
        while let Some(node) = pending.pop() {
            let mut children = node.children.lock();
            node.cancelled.store(true, Ordering::Release);
            node.changed.notify_all();
            pending.extend(children.drain(..).filter_map(|child| child.upgrade()));
        }
    }

    /// True once cancelled or past the deadline.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.is_flagged() || self.check_deadline()
    }

    /// Waits; true as soon as it is cancelled, false once the duration has passed.
    pub fn wait(&self, duration: Duration) -> bool {
        let end = Instant::now().checked_add(duration);
        loop {
            if self.is_cancelled() {
                return true;
            }
            let until = match (end, self.0.deadline) {
                (Some(end), Some(deadline)) => Some(end.min(deadline)),
                (end, deadline) => end.or(deadline),
            };
            let mut guard = self.0.children.lock();
            if self.is_flagged() {
                return true;
            }
            match until {
                Some(until) => {
                    self.0.changed.wait_until(&mut guard, until);
                }
                None => self.0.changed.wait(&mut guard),
            }
            drop(guard);
            if !self.is_cancelled() && end.is_some_and(|end| Instant::now() >= end) {
                return false;
            }
        }
    }

    /// True when both are the same token.
    pub(crate) fn is_same(&self, other: &Cancellation) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The flag alone: one load, without reading the clock.
    #[inline]
    pub(crate) fn is_flagged(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    /// Reads the clock, and cancels when the deadline has passed.
    pub(crate) fn check_deadline(&self) -> bool {
        let passed = self.0.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if passed {
            self.cancel();
        }
        passed
    }

    fn child_until(&self, deadline: Option<Instant>) -> Cancellation {
        let child = Arc::new(Node {
            deadline,
            ..Node::default()
        });
        let mut children = self.0.children.lock();
        if self.is_flagged() {
            child.cancelled.store(true, Ordering::Release);
        } else {
            if children.len() >= 32 && children.len().is_power_of_two() {
                children.retain(|child| child.strong_count() > 0);
            }
            children.push(Arc::downgrade(&child));
        }
        drop(children);
        Cancellation(child)
    }
}
