//! How fast connections are made.

use parking_lot::Mutex;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Connections that are being made at the same time: more would only wait for each other.
const AT_ONCE: usize = 512;

/// Spaces new connections.
pub(crate) struct Pace {
    /// Time between two; `None` for as fast as possible.
    interval: Option<Duration>,
    next: Mutex<Instant>,
    at_once: Semaphore,
}

impl Pace {
    /// At most this many new connections per second.
    pub(crate) fn new(per_second: Option<f64>) -> Pace {
        Pace {
            interval: per_second.map(|rate| Duration::from_secs_f64(1.0 / rate.clamp(0.001, 1e6))),
            next: Mutex::new(Instant::now()),
            at_once: Semaphore::new(AT_ONCE),
        }
    }

    /// Waits for the turn of another connection, which is being made as long as the permit is kept.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        if let Some(interval) = self.interval {
            let turn = {
                let mut next = self.next.lock();
                let turn = (*next).max(Instant::now());
                *next = turn + interval;
                turn
            };
            tokio::time::sleep_until(turn).await;
        }
        // The semaphore is never closed.
        self.at_once.acquire().await.ok()
    }
}
