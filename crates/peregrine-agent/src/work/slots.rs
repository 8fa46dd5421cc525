//! Limits the number of concurrent collections, first come, first served.

use parking_lot::{Condvar, Mutex};
use peregrine_engine::Cancellation;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How often those waiting check whether they are still wanted.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Free slots, and the queue for them.
pub(crate) struct Slots {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    free: usize,
    /// Ticket numbers of those waiting, the first to be served at the front.
    waiting: VecDeque<u64>,
    next_number: u64,
}

/// A slot in use; it becomes free when dropped.
pub(crate) struct Slot<'a>(&'a Slots);

impl Slots {
    pub(crate) fn new(count: usize) -> Slots {
        let queue = Queue {
            free: count,
            ..Queue::default()
        };
        Slots {
            queue: Mutex::new(queue),
            changed: Condvar::new(),
        }
    }

    /// Waits for a slot; `None` when none became free in time or the work was cancelled.
    pub(crate) fn take(&self, longest: Duration, cancellation: &Cancellation) -> Option<Slot<'_>> {
        let deadline = Instant::now() + longest;
        let mut queue = self.queue.lock();
        let number = queue.next_number;
        queue.next_number += 1;
        queue.waiting.push_back(number);
        let is_mine = loop {
            if cancellation.is_cancelled() {
                break false;
            }
            if queue.free > 0 && queue.waiting.front() == Some(&number) {
                break true;
            }
            if Instant::now() >= deadline {
                break false;
            }
            self.changed.wait_for(&mut queue, LOOK_AGAIN);
        };
        queue.waiting.retain(|waiting| *waiting != number);
        // There may be a slot for the next in the queue, too.
        self.changed.notify_all();
        if !is_mine {
            return None;
        }
        queue.free -= 1;
        Some(Slot(self))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.queue.lock().free += 1;
        self.0.changed.notify_all();
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

    #[test]
    fn who_comes_first_is_served_first_and_who_gives_up_keeps_nobody_back() {
        let slots = Slots::new(1);
        let forever = Duration::from_secs(3600);
        let served = Mutex::new(Vec::new());
        let tokens: Vec<Cancellation> = (0..6).map(|_| Cancellation::new()).collect();
        let held = slots.take(Duration::ZERO, &Cancellation::new());
        std::thread::scope(|threads| {
            for (number, token) in tokens.iter().enumerate() {
                let (slots, served) = (&slots, &served);
                threads.spawn(move || {
                    let slot = slots.take(forever, token);
                    served.lock().push((number, slot.is_some()));
                    drop(slot);
                });
                while slots.queue.lock().waiting.len() <= number {
                    std::thread::yield_now();
                }
            }
            tokens[0].cancel();
            tokens[3].cancel();
            while served.lock().len() < 2 {
                std::thread::yield_now();
            }
            drop(held);
        });
        let mut served = served.into_inner();
        served.retain(|(_, is_served)| *is_served);
        let numbers: Vec<usize> = served.into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, [1, 2, 4, 5]);
        assert_eq!(slots.queue.lock().free, 1);
    }
}
