//! Between the thread that runs a query and the connection that reads its answer. What the query yields waits here, within limits:
//! a slow reader slows the query down, and one that leaves ends it.

use parking_lot::{Condvar, Mutex};
use peregrine_engine::log::Level;
use peregrine_engine::{Cancellation, Stop};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Bytes that wait to be read before rows have to wait.
pub(crate) const MOST_WAITING: usize = 1 << 20;
/// Bytes that wait to be read before messages are left out.
const MOST_WITH_MESSAGES: usize = 2 * MOST_WAITING;
/// How often a row that waits for room looks whether its query was cancelled.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The part of an answer that waits to be read, in the form of some protocol.
pub(crate) trait Unread: Send {
    /// What is read at a time.
    type Piece;
    /// Bytes that wait.
    fn bytes(&self) -> usize;
    fn add_message(&mut self, level: Level, text: &str);
    /// What can be read now; with `is_complete`, nothing will be added any more.
    fn take(&mut self, is_complete: bool) -> Next<Self::Piece>;
    /// Forgets everything, because nobody reads it.
    fn clear(&mut self);
}

/// What a reader gets.
pub(crate) enum Next<Piece> {
    Piece(Piece),
    /// Nothing yet, but perhaps at this moment.
    NotBefore(Instant),
    Nothing,
}

/// The end that the query writes to.
pub(crate) struct QueryWriter<U: Unread>(Arc<Pipe<U>>);

/// The end that the connection reads.
pub(crate) struct QueryReader<U: Unread>(Arc<Pipe<U>>);

struct Pipe<U> {
    waiting: Mutex<Waiting<U>>,
    /// There is room again, or nobody reads any more.
    has_room: Condvar,
    /// There is something to read, or no more will come.
    has_more: Notify,
}

struct Waiting<U> {
    answer: U,
    /// Messages for which there was no room.
    left_out: u64,
    is_complete: bool,
    is_unread: bool,
}

/// Both ends of a new pipe.
pub(crate) fn query_pipe<U: Unread>(answer: U) -> (QueryWriter<U>, QueryReader<U>) {
    let pipe = Arc::new(Pipe {
        waiting: Mutex::new(Waiting {
            answer,
            left_out: 0,
            is_complete: false,
            is_unread: false,
        }),
        has_room: Condvar::new(),
        has_more: Notify::new(),
    });
    (QueryWriter(pipe.clone()), QueryReader(pipe))
}

impl<U: Unread> QueryWriter<U> {
    /// Adds something large once there is room for it.
    pub(crate) fn add_when_there_is_room(
        &self,
        cancellation: &Cancellation,
        add: impl FnOnce(&mut U),
    ) -> Result<(), Stop> {
        let mut waiting = self.0.waiting.lock();
        while waiting.answer.bytes() >= MOST_WAITING && !waiting.is_unread {
            self.0.has_room.wait_for(&mut waiting, LOOK_AGAIN);
            if cancellation.is_cancelled() {
                return Err(Stop);
            }
        }
        if waiting.is_unread {
            return Err(Stop);
        }
        add(&mut waiting.answer);
        drop(waiting);
        self.0.has_more.notify_one();
        Ok(())
    }

    /// Adds something small of which there is little.
    pub(crate) fn add(&self, add: impl FnOnce(&mut U)) {
        let mut waiting = self.0.waiting.lock();
        if !waiting.is_unread {
            add(&mut waiting.answer);
        }
        drop(waiting);
        self.0.has_more.notify_one();
    }

    /// Adds a message, or counts it when there is no room.
    pub(crate) fn add_message(&self, level: Level, text: &str) {
        let mut waiting = self.0.waiting.lock();
        if waiting.answer.bytes() >= MOST_WITH_MESSAGES {
            waiting.left_out += 1;
        } else if !waiting.is_unread {
            waiting.tell_what_is_left_out();
            waiting.answer.add_message(level, text);
        }
        drop(waiting);
        self.0.has_more.notify_one();
    }

    /// Adds the end; before it, the number of messages for which there was no room.
    pub(crate) fn end(&self, add: impl FnOnce(&mut U)) {
        let mut waiting = self.0.waiting.lock();
        waiting.tell_what_is_left_out();
        drop(waiting);
        self.add(add);
    }
}

impl<U: Unread> Waiting<U> {
    fn tell_what_is_left_out(&mut self) {
        if self.left_out > 0 && !self.is_unread {
            let text = format!(
                "{} messages are left out, because they were not read in time",
                self.left_out
            );
            self.left_out = 0;
            self.answer.add_message(Level::Warn, &text);
        }
    }
}

impl<U: Unread> Drop for QueryWriter<U> {
    fn drop(&mut self) {
        self.0.waiting.lock().is_complete = true;
        self.0.has_more.notify_one();
    }
}

impl<U: Unread> QueryReader<U> {
    /// Changes what waits, before anything is read.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut U)) {
        change(&mut self.0.waiting.lock().answer);
        self.0.has_more.notify_one();
    }

    /// The next piece; `None` at the end.
    pub(crate) async fn read(&mut self) -> Option<U::Piece> {
        loop {
            let not_before = {
                let mut waiting = self.0.waiting.lock();
                let is_complete = waiting.is_complete;
                match waiting.answer.take(is_complete) {
                    Next::Piece(piece) => {
                        self.0.has_room.notify_all();
                        return Some(piece);
                    }
                    Next::NotBefore(_) | Next::Nothing if is_complete => return None,
                    Next::NotBefore(moment) => Some(moment),
                    Next::Nothing => None,
                }
            };
            let more = self.0.has_more.notified();
            match not_before {
                Some(moment) => {
                    let _ = tokio::time::timeout_at(moment.into(), more).await;
                }
                None => more.await,
            }
        }
    }
}

impl<U: Unread> Drop for QueryReader<U> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock();
        waiting.is_unread = true;
        waiting.answer.clear();
        drop(waiting);
        self.0.has_room.notify_all();
    }
}
