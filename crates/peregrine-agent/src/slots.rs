//! A bounded number of collections at a time, first come first served.

use parking_lot::{Condvar, Mutex};
use peregrine_engine::Cancellation;
use std::time::{Duration, Instant};

/// Free places.
pub(crate) struct Slots {
    free: Mutex<usize>,
    freed: Condvar,
}

/// A place taken; free again when dropped.
pub(crate) struct Slot<'a>(&'a Slots);

impl Slots {
    pub(crate) fn new(count: usize) -> Slots {
        Slots {
            free: Mutex::new(count),
            freed: Condvar::new(),
        }
    }

    /// Waits for a place; `None` when none became free in time or the work was cancelled.
    pub(crate) fn take(&self, longest: Duration, cancellation: &Cancellation) -> Option<Slot<'_>> {
        let deadline = Instant::now() + longest;
        let mut free = self.free.lock();
        while *free == 0 {
            if cancellation.is_cancelled() || Instant::now() >= deadline {
                return None;
            }
            self.freed.wait_for(&mut free, Duration::from_millis(100));
        }
        *free -= 1;
        Some(Slot(self))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.free.lock() += 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_after_use() {
        let slots = Slots::new(1);
        let cancellation = Cancellation::new();
        let first = slots.take(Duration::ZERO, &cancellation);
        assert!(first.is_some());
        assert!(slots.take(Duration::ZERO, &cancellation).is_none());
        drop(first);
        assert!(slots.take(Duration::ZERO, &cancellation).is_some());
    }
}
