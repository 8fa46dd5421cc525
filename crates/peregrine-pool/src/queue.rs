//! The messages of one agent that the server has not confirmed yet, in memory.
//!
//! A real agent keeps them in a file. Here they are bounded: queries of collections wait for room, and events
//! for which there is none are dropped and counted.

use crate::counters::{Counters, add};
use parking_lot::{Condvar, Mutex};
use peregrine_wire::pack;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Bytes of collections that an agent keeps; one message may exceed it.
const MOST: usize = 4 << 20;
/// Bytes of events that an agent keeps.
const MOST_EVENTS: usize = 1 << 20;
/// Bytes that all agents keep together.
const MOST_TOGETHER: usize = 512 << 20;
/// How often those who wait for room look whether they are still wanted.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Bytes of messages compressed together, as a real agent does it.
const BLOB: usize = 1 << 20;

/// Event rows as all agents with their query send them.
pub(crate) struct EventPacket {
    /// A serialised batch.
    batch: Vec<u8>,
    /// The batch, compressed once for all.
    blob: Vec<u8>,
    rows: u64,
}

impl EventPacket {
    pub(crate) fn new(batch: Vec<u8>, rows: u64) -> EventPacket {
        EventPacket {
            blob: pack::compress(&batch),
            batch,
            rows,
        }
    }
}

/// A message that waits.
enum Waiting {
    Event(Arc<EventPacket>),
    Own(Own),
}

/// A message of a collection.
struct Own {
    /// A serialised batch.
    batch: Arc<Vec<u8>>,
    rows: u64,
    /// The collection whose rows these are; they are not sent when it is cancelled.
    rows_of: Option<String>,
}

impl Waiting {
    /// What it takes of the memory that all agents share.
    fn weight(&self) -> usize {
        match self {
            Waiting::Event(_) => std::mem::size_of::<Waiting>(),
            Waiting::Own(own) => own.batch.len(),
        }
    }

    fn length(&self) -> usize {
        match self {
            Waiting::Event(event) => event.batch.len(),
            Waiting::Own(own) => own.batch.len(),
        }
    }
}

/// The queue of one agent.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Messages>,
    has_room: Condvar,
}

#[derive(Default)]
struct Messages {
    list: VecDeque<Waiting>,
    /// Messages at the front that are being sent.
    leased: usize,
    bytes: usize,
    event_bytes: usize,
}

/// Memory that all agents share.
#[derive(Default)]
pub(crate) struct Budget(AtomicUsize);

impl Budget {
    pub(crate) fn taken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn is_spent(&self) -> bool {
        self.taken() >= MOST_TOGETHER
    }
}

/// Messages to be sent in one packet.
pub(crate) struct Lease {
    parts: Vec<Part>,
    pub(crate) count: usize,
}

enum Part {
    Event(Arc<EventPacket>),
    Own(Arc<Vec<u8>>),
}

impl Lease {
    /// The content of the packet, compressed.
    pub(crate) fn blobs(&self) -> Vec<Vec<u8>> {
        let (mut blobs, mut batch) = (Vec::new(), Vec::new());
        for part in &self.parts {
            match part {
                Part::Event(event) => blobs.push(event.blob.clone()),
                Part::Own(own) => batch.extend_from_slice(own),
            }
            if batch.len() >= BLOB {
                blobs.push(pack::compress(&std::mem::take(&mut batch)));
            }
        }
        if !batch.is_empty() {
            blobs.push(pack::compress(&batch));
        }
        blobs
    }

    /// The content of the packet where nothing may be compressed.
    pub(crate) fn batch(&self) -> Vec<u8> {
        let parts = self.parts.iter().map(|part| match part {
            Part::Event(event) => event.batch.as_slice(),
            Part::Own(own) => own.as_slice(),
        });
        parts.collect::<Vec<_>>().concat()
    }
}

impl Queue {
    /// Adds a message of a collection. Waits while there is no room; false when `stop` returns true.
    pub(crate) fn push(
        &self,
        batch: Vec<u8>,
        rows: u64,
        rows_of: Option<&str>,
        budget: &Budget,
        stop: &dyn Fn() -> bool,
    ) -> bool {
        let mut messages = self.waiting.lock();
        let is_full = |messages: &Messages| messages.bytes > 0 && messages.bytes + batch.len() > MOST;
        while is_full(&messages) || budget.is_spent() {
            if stop() {
                return false;
            }
            self.has_room.wait_for(&mut messages, LOOK_AGAIN);
        }
        messages.add(own(batch, rows, rows_of), usize::MAX, budget);
        true
    }

    /// Adds a message that does not wait for room, such as the end of a collection; ahead of all others if it
    /// is urgent.
    pub(crate) fn push_now(&self, batch: Vec<u8>, is_urgent: bool, budget: &Budget) {
        let at = if is_urgent { 0 } else { usize::MAX };
        self.waiting.lock().add(own(batch, 0, None), at, budget);
    }

    /// Adds events, or drops and counts them.
    pub(crate) fn push_event(&self, event: &Arc<EventPacket>, budget: &Budget, counters: &Counters) {
        let mut messages = self.waiting.lock();
        let is_full = messages.event_bytes > 0 && messages.event_bytes + event.batch.len() > MOST_EVENTS;
        if is_full || budget.is_spent() {
            add(&counters.dropped, event.rows);
            return;
        }
        messages.event_bytes += event.batch.len();
        messages.add(Waiting::Event(Arc::clone(event)), usize::MAX, budget);
    }

    /// Drops the waiting rows of a cancelled collection.
    pub(crate) fn cancel(&self, session_id: &str, budget: &Budget) {
        let mut messages = self.waiting.lock();
        let leased = messages.leased;
        let mut at = 0;
        let mut freed = 0;
        messages.list.retain(|waiting| {
            at += 1;
            let is_wanted = at <= leased
                || !matches!(waiting, Waiting::Own(own) if own.rows_of.as_deref() == Some(session_id));
            if !is_wanted {
                freed += waiting.weight();
            }
            is_wanted
        });
        messages.bytes = messages.bytes.saturating_sub(freed);
        budget.0.fetch_sub(freed, Ordering::Relaxed);
        self.has_room.notify_all();
    }

    /// The next messages to send, up to `bytes` or one message, and at most `most` messages; `None` if there
    /// are none. They stay in the queue.
    pub(crate) fn lease(&self, bytes: usize, most: usize) -> Option<Lease> {
        let mut messages = self.waiting.lock();
        let (mut total, mut parts) = (0, Vec::new());
        for waiting in messages.list.iter().take(most.max(1)) {
            total += waiting.length();
            if !parts.is_empty() && total > bytes {
                break;
            }
            parts.push(match waiting {
                Waiting::Event(event) => Part::Event(Arc::clone(event)),
                Waiting::Own(own) => Part::Own(Arc::clone(&own.batch)),
            });
        }
        messages.leased = parts.len();
        let count = parts.len();
        (count > 0).then_some(Lease { parts, count })
    }

    /// Keeps what was leased for another try.
    pub(crate) fn roll_back(&self) {
        self.waiting.lock().leased = 0;
    }

    /// Removes what was leased, which the server has.
    pub(crate) fn commit(&self, budget: &Budget, counters: &Counters) {
        let (rows, events) = self.remove_leased(budget);
        add(&counters.rows, rows);
        add(&counters.events, events);
    }

    /// Removes what was leased, which the server does not take.
    pub(crate) fn give_up(&self, budget: &Budget, counters: &Counters) {
        let (rows, events) = self.remove_leased(budget);
        add(&counters.dropped, rows + events);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.lock().list.is_empty()
    }

    fn remove_leased(&self, budget: &Budget) -> (u64, u64) {
        let mut guard = self.waiting.lock();
        let messages = &mut *guard;
        let (mut rows, mut events) = (0, 0);
        for sent in messages.list.drain(..messages.leased) {
            budget.0.fetch_sub(sent.weight(), Ordering::Relaxed);
            match sent {
                Waiting::Event(event) => {
                    events += event.rows;
                    messages.event_bytes -= event.batch.len();
                }
                Waiting::Own(own) => {
                    rows += own.rows;
                    messages.bytes -= own.batch.len();
                }
            }
        }
        messages.leased = 0;
        if messages.list.is_empty() {
            // An idle agent keeps nothing.
            messages.list = VecDeque::new();
        }
        drop(guard);
        self.has_room.notify_all();
        (rows, events)
    }
}

fn own(batch: Vec<u8>, rows: u64, rows_of: Option<&str>) -> Waiting {
    Waiting::Own(Own {
        batch: Arc::new(batch),
        rows,
        rows_of: rows_of.map(str::to_owned),
    })
}

impl Messages {
    /// Adds a message at this place, but behind those that are being sent.
    fn add(&mut self, message: Waiting, at: usize, budget: &Budget) {
        budget.0.fetch_add(message.weight(), Ordering::Relaxed);
        if let Waiting::Own(own) = &message {
            self.bytes += own.batch.len();
        }
        let at = at.clamp(self.leased, self.list.len().max(self.leased));
        self.list.insert(at, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: &dyn Fn() -> bool = &|| false;
    const AT_ONCE: &dyn Fn() -> bool = &|| true;

    fn event(size: usize) -> Arc<EventPacket> {
        Arc::new(EventPacket::new(vec![0; size], 10))
    }

    #[test]
    fn messages_stay_until_the_server_has_them() {
        let (queue, budget, counters) = (Queue::default(), Budget::default(), Counters::default());
        assert!(queue.push(b"one".to_vec(), 3, Some("F.1"), &budget, NEVER));
        queue.push_now(b"two".to_vec(), false, &budget);
        queue.push_event(&event(5), &budget, &counters);
        let lease = queue.lease(6, usize::MAX).unwrap();
        assert_eq!((lease.count, lease.batch()), (2, b"onetwo".to_vec()));
        queue.roll_back();
        let lease = queue.lease(1, usize::MAX).unwrap();
        queue.push_now(b"urgent".to_vec(), true, &budget);
        assert_eq!(lease.batch(), b"one");
        queue.commit(&budget, &counters);
        let lease = queue.lease(usize::MAX, usize::MAX).unwrap();
        assert_eq!(lease.batch(), [b"urgenttwo".as_slice(), &[0; 5]].concat());
        assert_eq!(lease.blobs().len(), 2);
        queue.commit(&budget, &counters);
        assert!(queue.is_empty() && queue.lease(1, 1).is_none());
        let counts = counters.counts(1, budget.taken());
        assert_eq!(
            (counts.rows, counts.events, counts.dropped, counts.waiting),
            (3, 10, 0, 0)
        );
    }

    #[test]
    fn collections_wait_for_room_and_events_are_dropped() {
        let (queue, budget, counters) = (Queue::default(), Budget::default(), Counters::default());
        assert!(queue.push(vec![0; MOST + 1], 1, None, &budget, AT_ONCE));
        assert!(!queue.push(vec![0; 1], 1, None, &budget, AT_ONCE));
        queue.push_event(&event(MOST_EVENTS), &budget, &counters);
        queue.push_event(&event(1), &budget, &counters);
        assert_eq!(counters.counts(1, 0).dropped, 10);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.push(b"later".to_vec(), 1, None, &budget, NEVER));
            queue.lease(1, 1).unwrap();
            queue.commit(&budget, &counters);
            assert!(waiting.join().unwrap());
        });
        queue.lease(usize::MAX, usize::MAX).unwrap();
        queue.give_up(&budget, &counters);
        assert_eq!(counters.counts(1, 0).dropped, 10 + 11);
        assert_eq!(budget.taken(), 0);
    }

    #[test]
    fn rows_of_a_cancelled_collection_are_not_sent_but_its_end_is() {
        let (queue, budget, counters) = (Queue::default(), Budget::default(), Counters::default());
        for text in ["a", "b"] {
            queue.push(text.into(), 1, Some("F.1"), &budget, NEVER);
        }
        queue.push(b"c".to_vec(), 1, Some("F.2"), &budget, NEVER);
        queue.push_now(b"end".to_vec(), false, &budget);
        assert_eq!(queue.lease(1, 1).unwrap().batch(), b"a");
        queue.cancel("F.1", &budget);
        queue.commit(&budget, &counters);
        assert_eq!(queue.lease(usize::MAX, usize::MAX).unwrap().batch(), b"cend");
        queue.commit(&budget, &counters);
        assert_eq!(budget.taken(), 0);
    }
}
