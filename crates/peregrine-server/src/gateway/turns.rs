//! A fair semaphore: parties alternate, so that one with much to do delays itself and not the others.

use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Limits over all parties and per party.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Turns at once.
    pub(super) turns: usize,
    /// Turns at once of one party.
    pub(super) per_party: usize,
    /// How many of one party may wait, and how many of all.
    pub(super) waiting_per_party: usize,
    pub(super) waiting: usize,
}

pub(super) struct Turnstile {
    bounds: Bounds,
    queues: Mutex<Queues>,
}

#[derive(Default)]
struct Queues {
    taken: usize,
    waiting: usize,
    /// Parties that have a turn or wait for one.
    parties: HashMap<Arc<str>, Party>,
    /// Parties that wait and may take another turn, the longest waiting first.
    order: VecDeque<Arc<str>>,
}

#[derive(Default)]
struct Party {
    taken: usize,
    queue: VecDeque<oneshot::Sender<Turn>>,
    is_in_order: bool,
}

/// The right to proceed; dropping it lets the next one in.
pub(super) struct Turn {
    turnstile: Arc<Turnstile>,
    party: Option<Arc<str>>,
}

impl Turnstile {
    pub(super) fn new(bounds: Bounds) -> Arc<Turnstile> {
        Arc::new(Turnstile {
            bounds,
            queues: Mutex::default(),
        })
    }

    /// Waits for a turn; `None` when too many wait already.
    pub(super) async fn enter(self: &Arc<Self>, party: &str) -> Option<Turn> {
        let receiver = {
            let mut queues = self.queues.lock();
            let name: Arc<str> = match queues.parties.get_key_value(party) {
                Some((name, _)) => name.clone(),
                None => party.into(),
            };
            let (has_free, is_full) = (
                queues.taken < self.bounds.turns,
                queues.waiting >= self.bounds.waiting,
            );
            let entry = queues.parties.entry(name.clone()).or_default();
            let goes_now = has_free && entry.taken < self.bounds.per_party && entry.queue.is_empty();
            if !goes_now && (is_full || entry.queue.len() >= self.bounds.waiting_per_party) {
                self.line_up(&mut queues, &name);
                return None;
            }
            let (sender, receiver) = oneshot::channel();
            entry.queue.push_back(sender);
            queues.waiting += 1;
            self.line_up(&mut queues, &name);
            self.hand_out(&mut queues);
            receiver
        };
        receiver.await.ok()
    }

    /// Appends a party to the order if it waits, may take a turn, and is not in it yet. Removes a party that is idle.
    fn line_up(&self, queues: &mut Queues, name: &Arc<str>) {
        let Some(party) = queues.parties.get_mut(name) else {
            return;
        };
        if party.queue.is_empty() && party.taken == 0 {
            queues.parties.remove(name);
        } else if !party.queue.is_empty() && !party.is_in_order && party.taken < self.bounds.per_party {
            party.is_in_order = true;
            queues.order.push_back(name.clone());
        }
    }

    fn hand_out(self: &Arc<Self>, queues: &mut Queues) {
        while queues.taken < self.bounds.turns {
            let Some(name) = queues.order.pop_front() else {
                return;
            };
            let Some(party) = queues.parties.get_mut(&name) else {
                continue;
            };
            party.is_in_order = false;
            while let Some(waiter) = party.queue.pop_front() {
                queues.waiting -= 1;
                let turn = Turn {
                    turnstile: self.clone(),
                    party: Some(name.clone()),
                };
                match waiter.send(turn) {
                    Ok(()) => {
                        party.taken += 1;
                        queues.taken += 1;
                        break;
                    }
                    // This waiter gave up. The lock is held, so dropping the turn must not lock it again.
                    Err(mut turn) => turn.party = None,
                }
            }
            self.line_up(queues, &name);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(name) = self.party.take() else { return };
        let mut queues = self.turnstile.queues.lock();
        queues.taken -= 1;
        if let Some(party) = queues.parties.get_mut(&name) {
            party.taken -= 1;
        }
        self.turnstile.line_up(&mut queues, &name);
        self.turnstile.hand_out(&mut queues);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::{JoinHandle, yield_now};

    fn turnstile(turns: usize, per_party: usize) -> Arc<Turnstile> {
        Turnstile::new(Bounds {
            turns,
            per_party,
            waiting_per_party: 3,
            waiting: 5,
        })
    }

    async fn wait(turnstile: &Arc<Turnstile>, party: &'static str) -> JoinHandle<Option<Turn>> {
        let turnstile = turnstile.clone();
        let waiting = tokio::spawn(async move { turnstile.enter(party).await });
        yield_now().await;
        waiting
    }

    #[tokio::test]
    async fn a_crowd_of_one_party_waits_behind_single_ones_of_others() {
        let turnstile = turnstile(1, 1);
        let first = turnstile.enter("crowd").await.unwrap();
        let crowd = wait(&turnstile, "crowd").await;
        let more = wait(&turnstile, "crowd").await;
        let single = wait(&turnstile, "single").await;
        drop(first);
        // After its turn, the crowd lines up again behind the party that was already waiting.
        let turn = single.await.unwrap().unwrap();
        assert!(!crowd.is_finished() && !more.is_finished());
        drop(turn);
        drop(crowd.await.unwrap().unwrap());
        drop(more.await.unwrap().unwrap());
        assert!(turnstile.queues.lock().parties.is_empty());
    }

    #[tokio::test]
    async fn one_party_leaves_turns_for_others() {
        let turnstile = turnstile(3, 2);
        let _taken = (turnstile.enter("a").await, turnstile.enter("a").await);
        let third = wait(&turnstile, "a").await;
        assert!(turnstile.enter("b").await.is_some());
        assert!(!third.is_finished());
    }

    #[tokio::test]
    async fn those_who_wait_are_bounded_and_may_leave() {
        let turnstile = turnstile(1, 1);
        let turn = turnstile.enter("a").await.unwrap();
        let waiting = [
            wait(&turnstile, "a").await,
            wait(&turnstile, "a").await,
            wait(&turnstile, "a").await,
        ];
        assert!(turnstile.enter("a").await.is_none(), "enough of them wait");
        let others = [wait(&turnstile, "b").await, wait(&turnstile, "c").await];
        assert!(turnstile.enter("d").await.is_none(), "enough wait altogether");
        for waiting in waiting.into_iter().chain(others) {
            waiting.abort();
            let _ = waiting.await;
        }
        drop(turn);
        assert!(turnstile.enter("d").await.is_some());
    }
}
