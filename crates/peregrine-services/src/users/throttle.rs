//! Slows down password guessing. An attempt is counted before its password is checked, so that concurrent attempts do not get
//! around it; success takes the count back.
//!
//! Failures are counted per name and address, per address, and per name. A user who has signed in from an address before is
//! held up only by the first count there, so that others who guess do not lock the user out.

use crate::{Error, Result};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Keys remembered per count; beyond that, those with the fewest failures are forgotten.
const MAX_KEYS: usize = 10_000;
/// Failures are forgotten this long after the last one.
const FORGET: Duration = Duration::from_secs(3600);
/// How long a user who signed in is known at an address.
const KNOWN: Duration = Duration::from_secs(30 * 86_400);

/// A user name at an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SignInSource {
    name: String,
    /// The address; for IPv6 its /64 network, because a host can use any number of addresses in it.
    network: String,
}

impl SignInSource {
    pub(super) fn new(name: &str, address: &str) -> SignInSource {
        let network = match address.parse() {
            Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}")
            }
            _ => address.to_owned(),
        };
        SignInSource {
            name: name.to_lowercase(),
            network,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Throttle(Mutex<Counters>);

#[derive(Debug)]
struct Counters {
    sources: FailureCounts<SignInSource>,
    networks: FailureCounts<String>,
    names: FailureCounts<String>,
    known: HashMap<SignInSource, Instant>,
}

/// An attempt that was let in. It counts as failed unless [`Attempt::succeeded`] is called.
#[derive(Debug)]
#[must_use]
pub(crate) struct Attempt<'a> {
    throttle: &'a Throttle,
    source: SignInSource,
    is_known: bool,
}

impl Default for Throttle {
    fn default() -> Throttle {
        let quarter = Duration::from_secs(900);
        Throttle(Mutex::new(Counters {
            sources: FailureCounts::new(5, quarter),
            networks: FailureCounts::new(20, quarter),
            // Short, because anybody can cause it for any user.
            names: FailureCounts::new(50, Duration::from_secs(30)),
            known: HashMap::new(),
        }))
    }
}

impl Throttle {
    /// Lets an attempt in, or fails with [`Error::Throttled`] if it comes too early.
    pub(super) fn begin(&self, source: SignInSource) -> Result<Attempt<'_>> {
        let now = Instant::now();
        let mut counters = self.0.lock();
        let is_known = counters
            .known
            .get(&source)
            .is_some_and(|since| now.duration_since(*since) < KNOWN);
        let mut left = counters.sources.left(&source, now);
        if !is_known {
            left = left
                .max(counters.networks.left(&source.network, now))
                .max(counters.names.left(&source.name, now));
        }
        if !left.is_zero() {
            return Err(Error::Throttled(left.as_secs() + 1));
        }
        counters.sources.count(&source, now);
        if !is_known {
            counters.networks.count(&source.network, now);
            counters.names.count(&source.name, now);
        }
        Ok(Attempt {
            throttle: self,
            source,
            is_known,
        })
    }
}

impl Attempt<'_> {
    /// Forgets this user's failures at this address; those of other users there still count.
    pub(super) fn succeeded(self) {
        let mut counters = self.throttle.0.lock();
        counters.sources.failures.remove(&self.source);
        if !self.is_known {
            counters.networks.take_back(&self.source.network);
            counters.names.take_back(&self.source.name);
        }
        if counters.known.len() >= MAX_KEYS
            && let Some(oldest) = counters.known.iter().min_by_key(|(_, since)| **since)
        {
            let oldest = oldest.0.clone();
            counters.known.remove(&oldest);
        }
        counters.known.insert(self.source, Instant::now());
    }
}

/// Failures per key, and the waiting time that follows from them.
#[derive(Debug)]
struct FailureCounts<K> {
    /// Failures without a waiting time.
    free: u32,
    longest: Duration,
    failures: HashMap<K, Failures>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl<K: Hash + Eq + Clone> FailureCounts<K> {
    fn new(free: u32, longest: Duration) -> FailureCounts<K> {
        FailureCounts {
            free,
            longest,
            failures: HashMap::new(),
        }
    }

    /// How long an attempt must still wait. After the free ones, each failure doubles the time.
    fn left(&self, key: &K, now: Instant) -> Duration {
        let Some(failures) = self.failures.get(key) else {
            return Duration::ZERO;
        };
        let Some(doublings) = failures.count.checked_sub(self.free) else {
            return Duration::ZERO;
        };
        let wait = Duration::from_secs(1 << doublings.min(10)).min(self.longest);
        wait.saturating_sub(now.duration_since(failures.last))
    }

    fn count(&mut self, key: &K, now: Instant) {
        self.make_room(key, now);
        let failures = self
            .failures
            .entry(key.clone())
            .or_insert(Failures { count: 0, last: now });
        if now.duration_since(failures.last) > FORGET {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
    }

    fn take_back(&mut self, key: &K) {
        if let Some(failures) = self.failures.get_mut(key) {
            failures.count = failures.count.saturating_sub(1);
        }
    }

    fn make_room(&mut self, key: &K, now: Instant) {
        if self.failures.len() < MAX_KEYS || self.failures.contains_key(key) {
            return;
        }
        self.failures
            .retain(|_, failures| now.duration_since(failures.last) <= FORGET);
        if self.failures.len() < MAX_KEYS {
            return;
        }
        // Drops the half with the fewest failures: whoever guesses most is remembered longest.
        let mut counts: Vec<(u32, Instant)> = self
            .failures
            .values()
            .map(|failures| (failures.count, failures.last))
            .collect();
        let (_, middle, _) = counts.select_nth_unstable(MAX_KEYS / 2);
        let middle = *middle;
        self.failures
            .retain(|_, failures| (failures.count, failures.last) > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_let_in(throttle: &Throttle, name: &str, address: &str) -> bool {
        throttle.begin(SignInSource::new(name, address)).is_ok()
    }

    #[test]
    fn attempts_count_before_they_fail() {
        let throttle = Throttle::default();
        let begun: Vec<_> = (0..400)
            .filter_map(|_| throttle.begin(SignInSource::new("admin", "10.0.0.1")).ok())
            .collect();
        assert_eq!(begun.len(), 5);
        assert!(!is_let_in(&throttle, "ADMIN", "10.0.0.1"));
        assert!(is_let_in(&throttle, "admin", "10.0.0.2"));
        begun.into_iter().next().unwrap().succeeded();
        assert!(is_let_in(&throttle, "admin", "10.0.0.1"), "success forgets");
    }

    #[test]
    fn many_names_from_one_network_and_one_name_from_many_are_held_up() {
        let throttle = Throttle::default();
        let names =
            (0..40).filter(|n| is_let_in(&throttle, &format!("user{n}"), &format!("2001:db8::{n:x}")));
        assert_eq!(names.count(), 20);
        assert!(
            is_let_in(&throttle, "user0", "2001:db8:0:1::1"),
            "another network"
        );
        let addresses = (0..200).filter(|n| is_let_in(&throttle, "admin", &format!("10.0.0.{n}")));
        assert_eq!(addresses.count(), 50);
    }

    #[test]
    fn guessing_locks_out_nobody_who_is_known() {
        let throttle = Throttle::default();
        throttle
            .begin(SignInSource::new("admin", "10.0.0.1"))
            .unwrap()
            .succeeded();
        for n in 0..100 {
            let _ = throttle.begin(SignInSource::new("admin", &format!("10.1.0.{n}")));
            let _ = throttle.begin(SignInSource::new(&format!("user{n}"), "10.0.0.1"));
        }
        assert!(!is_let_in(&throttle, "admin", "10.2.0.1"));
        assert!(!is_let_in(&throttle, "other", "10.0.0.1"));
        assert!(is_let_in(&throttle, "admin", "10.0.0.1"));
    }

    #[test]
    fn memory_is_bounded_and_the_worst_are_remembered() {
        let throttle = Throttle::default();
        for _ in 0..6 {
            let _ = throttle.begin(SignInSource::new("admin", "10.0.0.1"));
        }
        for n in 0..3 * MAX_KEYS {
            let address = format!("10.{}.{}.{}", 1 + n / 65_536, n / 256 % 256, n % 256);
            let _ = throttle.begin(SignInSource::new(&format!("user{n}"), &address));
        }
        let counters = throttle.0.lock();
        assert!(counters.sources.failures.len() <= MAX_KEYS && counters.names.failures.len() <= MAX_KEYS);
        let worst = &counters.sources.failures[&SignInSource::new("admin", "10.0.0.1")];
        assert!(worst.count >= 5, "{worst:?}");
    }
}
