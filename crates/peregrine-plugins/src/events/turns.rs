//! Lets the process tracker see an event before other listeners, so that a query which asks the tracker about
//! the event finds it there.
//!
//! Each feeder of the tracker takes a seat and reports which batch it has processed. A batch is shown to
//! other queries once all seats have passed it.

use parking_lot::{Condvar, Mutex};
use peregrine_engine::Scope;
use std::collections::HashSet;
use std::thread::ThreadId;
use std::time::Duration;

/// How long a batch waits for a feeder that makes no progress; then the feeder is skipped until it does.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The threads of a host that run queries which feed its process tracker.
#[derive(Debug, Default)]
struct FeedingThreads(Mutex<HashSet<ThreadId>>);

/// Runs a query that feeds the process tracker: it sees the events it subscribes to on this thread before others.
pub(crate) fn feeding<T>(scope: &Scope, query: impl FnOnce() -> T) -> T {
    let threads = scope.host_state::<FeedingThreads>();
    let thread = std::thread::current().id();
    let is_new = threads.0.lock().insert(thread);
    let done = query();
    if is_new {
        threads.0.lock().remove(&thread);
    }
    done
}

/// Whether this thread runs a query that feeds the process tracker.
pub(super) fn is_feeding(scope: &Scope) -> bool {
    let threads = scope.host_state::<FeedingThreads>();
    threads.0.lock().contains(&std::thread::current().id())
}

/// The seats of all feeders.
#[derive(Debug, Default)]
pub(super) struct Turns {
    seats: Mutex<Seats>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Seats {
    taken: Vec<Seat>,
    next_id: u64,
}

#[derive(Debug)]
struct Seat {
    id: u64,
    /// The last batch it has processed.
    done: u64,
    /// True if it kept others waiting for too long.
    is_stuck: bool,
}

impl Turns {
    /// Takes a seat for a feeder that gets all batches after `done`.
    pub(super) fn enter(&self, done: u64) -> u64 {
        let mut seats = self.seats.lock();
        let id = seats.next_id;
        seats.next_id += 1;
        seats.taken.push(Seat {
            id,
            done,
            is_stuck: false,
        });
        id
    }

    /// Records that the feeder has processed this batch and all before it.
    pub(super) fn pass(&self, id: u64, done: u64) {
        let mut seats = self.seats.lock();
        if let Some(seat) = seats.taken.iter_mut().find(|seat| seat.id == id) {
            seat.done = seat.done.max(done);
            seat.is_stuck = false;
        }
        self.moved.notify_all();
    }

    /// Gives up a feeder's seat.
    pub(super) fn leave(&self, id: u64) {
        self.seats.lock().taken.retain(|seat| seat.id != id);
        self.moved.notify_all();
    }

    /// Waits until every feeder has passed this batch; false if one had not within the time.
    pub(super) fn wait(&self, batch: u64, timeout: Duration) -> bool {
        let mut seats = self.seats.lock();
        let is_ahead = |seats: &mut Seats| seats.taken.iter().any(|seat| seat.done < batch && !seat.is_stuck);
        !self
            .moved
            .wait_while_for(&mut seats, is_ahead, timeout)
            .timed_out()
    }

    /// Skips feeders that have not reached this batch, until they make progress.
    pub(super) fn give_up(&self, batch: u64) {
        for seat in &mut self.seats.lock().taken {
            seat.is_stuck |= seat.done < batch;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use peregrine_engine::{Context, Dict};

    const NOT_AT_ALL: Duration = Duration::ZERO;

    #[test]
    fn a_batch_waits_for_every_feeder_and_for_nobody_else() {
        let turns = Turns::default();
        assert!(turns.wait(5, NOT_AT_ALL), "nobody feeds a tracker");
        let (first, second) = (turns.enter(4), turns.enter(2));
        assert!(turns.wait(2, NOT_AT_ALL) && !turns.wait(3, NOT_AT_ALL));
        turns.pass(second, 5);
        assert!(turns.wait(4, NOT_AT_ALL) && !turns.wait(5, NOT_AT_ALL));
        std::thread::scope(|threads| {
            threads.spawn(|| turns.pass(first, 5));
            assert!(turns.wait(5, Duration::from_secs(60)), "woken by the feeder");
        });
        turns.leave(first);
        turns.pass(second, 6);
        assert!(turns.wait(6, NOT_AT_ALL));
    }

    #[test]
    fn a_feeder_that_is_stuck_is_passed_over_until_it_moves() {
        let turns = Turns::default();
        let feeder = turns.enter(0);
        assert!(!turns.wait(1, NOT_AT_ALL));
        turns.give_up(1);
        assert!(turns.wait(1, NOT_AT_ALL) && turns.wait(9, NOT_AT_ALL));
        turns.pass(feeder, 2);
        assert!(turns.wait(2, NOT_AT_ALL) && !turns.wait(3, NOT_AT_ALL));
    }

    #[test]
    fn a_feeding_query_is_known_by_its_host_and_thread() {
        let host = || Scope::root(&Context::builder().build(), Dict::new());
        let (scope, other_host) = (host(), host());
        assert!(!is_feeding(&scope));
        feeding(&scope, || {
            feeding(&scope, || assert!(is_feeding(&scope)));
            assert!(is_feeding(&scope) && !is_feeding(&other_host));
            std::thread::scope(|threads| {
                threads.spawn(|| assert!(!is_feeding(&scope)));
            });
        });
        assert!(!is_feeding(&scope));
    }
}
