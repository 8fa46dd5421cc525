//! What is known about names and addresses, in the whole process: `cache_dns()` tells, `host()` asks.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Names, and as many addresses, that are remembered.
const MAX_ENTRIES: usize = 1000;
/// Answers one name or address has at most.
const MAX_ANSWERS: usize = 64;
/// How long they are.
const LIFE: Duration = Duration::from_secs(3600);

#[derive(Default)]
struct Direction(HashMap<String, (Instant, Vec<String>)>);

impl Direction {
    fn note(&mut self, from: &str, to: &str) {
        let now = Instant::now();
        if self.0.len() >= MAX_ENTRIES && !self.0.contains_key(from) {
            self.0.retain(|_, (noted, _)| now.duration_since(*noted) < LIFE);
            if self.0.len() >= MAX_ENTRIES
                && let Some(oldest) = self.0.iter().min_by_key(|(_, (noted, _))| *noted)
            {
                let oldest = oldest.0.clone();
                self.0.remove(&oldest);
            }
        }
        let (noted, answers) = self.0.entry(from.to_owned()).or_insert((now, Vec::new()));
        if now.duration_since(*noted) >= LIFE {
            answers.clear();
        }
        *noted = now;
        if !answers.iter().any(|known| known == to) {
            if answers.len() >= MAX_ANSWERS {
                answers.remove(0);
            }
            answers.push(to.to_owned());
        }
    }

    fn ask(&self, from: &str) -> Vec<String> {
        match self.0.get(from) {
            Some((noted, answers)) if noted.elapsed() < LIFE => answers.clone(),
            _ => Vec::new(),
        }
    }
}

#[derive(Default)]
struct Tracker {
    addresses: Direction,
    names: Direction,
}

static TRACKER: LazyLock<Mutex<Tracker>> = LazyLock::new(Mutex::default);

/// Names are the same with and without the last dot, and in any case.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_lowercase()
}

/// Notes that a name has an address.
pub(super) fn note(name: &str, address: &str) {
    let mut tracker = TRACKER.lock();
    tracker.addresses.note(&plain(name), address);
    tracker.names.note(address, name);
}

/// The addresses of a name.
pub(super) fn addresses_of(name: &str) -> Vec<String> {
    TRACKER.lock().addresses.ask(&plain(name))
}

/// The names of an address.
pub(super) fn names_of(address: &str) -> Vec<String> {
    TRACKER.lock().names.ask(address)
}
