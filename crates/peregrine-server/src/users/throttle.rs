//! Slows down guessing of passwords: after a few failures, each doubles the wait of that user from that address.

use crate::{Error, Result};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Failures that cost nothing.
const FREE: u32 = 5;
/// Longest wait.
const MAX_WAIT: Duration = Duration::from_secs(900);
/// Pairs remembered; beyond, the oldest are forgotten.
const MAX_PAIRS: usize = 10_000;

/// User name and address.
pub(crate) type Key = (String, String);

#[derive(Debug, Default)]
pub(crate) struct Throttle {
    failures: Mutex<HashMap<Key, Failures>>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn wait(self) -> Duration {
        let Some(doublings) = self.count.checked_sub(FREE) else {
            return Duration::ZERO;
        };
        Duration::from_secs(1 << doublings.min(10)).min(MAX_WAIT)
    }
}

impl Throttle {
    /// Refuses an attempt that comes too early.
    pub(crate) fn check(&self, key: &Key) -> Result<()> {
        let Some(failures) = self.failures.lock().get(key).copied() else {
            return Ok(());
        };
        let left = failures.wait().saturating_sub(failures.last.elapsed());
        if left.is_zero() {
            Ok(())
        } else {
            Err(Error::Throttled(left.as_secs() + 1))
        }
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, key: &Key) {
        let mut all = self.failures.lock();
        if all.len() >= MAX_PAIRS && !all.contains_key(key) {
            all.retain(|_, failures| failures.last.elapsed() < failures.wait().max(Duration::from_secs(60)));
            if all.len() >= MAX_PAIRS {
                all.clear();
            }
        }
        let now = Instant::now();
        let failures = all.entry(key.clone()).or_insert(Failures { count: 0, last: now });
        *failures = Failures {
            count: failures.count.saturating_add(1),
            last: now,
        };
    }

    /// Forgets earlier failures.
    pub(crate) fn succeeded(&self, key: &Key) {
        self.failures.lock().remove(key);
    }
}
