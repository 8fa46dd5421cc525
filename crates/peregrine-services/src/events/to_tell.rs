//! What happened on this server and must still be told.

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Entries remembered at most.
const MAX: usize = 100_000;

/// Things to tell, in the order in which they happened. Beyond some number, further ones are not remembered.
pub struct ToTell<T> {
    waiting: Mutex<Vec<T>>,
    signal: Notify,
}

impl<T> Default for ToTell<T> {
    fn default() -> ToTell<T> {
        ToTell {
            waiting: Mutex::default(),
            signal: Notify::new(),
        }
    }
}

impl<T> ToTell<T> {
    pub(crate) fn add(&self, what: T) {
        let mut waiting = self.waiting.lock();
        if waiting.len() < MAX {
            waiting.push(what);
            drop(waiting);
            self.signal.notify_one();
        }
    }

    /// Waits for some, and returns at most this many.
    pub async fn take(&self, most: usize) -> Vec<T> {
        loop {
            {
                let mut waiting = self.waiting.lock();
                if !waiting.is_empty() {
                    let count = waiting.len().min(most);
                    return waiting.drain(..count).collect();
                }
            }
            self.signal.notified().await;
        }
    }
}
