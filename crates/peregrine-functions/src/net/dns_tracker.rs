//! Names and addresses known to the queries of a host: `cache_dns()` records them, `host()` looks them up.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::prelude::*;

/// Maximum number of names, and of addresses, remembered.
const MAX_ENTRIES: usize = 1000;
/// Maximum number of answers for one name or address.
const MAX_ANSWERS: usize = 64;
/// How long an answer is remembered.
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

/// Both directions, in the state of the host.
#[derive(Default)]
struct DnsTracker {
    addresses: Mutex<Direction>,
    names: Mutex<Direction>,
}

/// Names are equal with and without the final dot, and regardless of case.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_lowercase()
}

/// Records that a name has an address.
pub(super) fn note(scope: &Scope, name: &str, address: &str) {
    let tracker = scope.host_state::<DnsTracker>();
    tracker.addresses.lock().note(&plain(name), address);
    tracker.names.lock().note(address, name);
}

/// The addresses of a name.
pub(super) fn addresses_of(scope: &Scope, name: &str) -> Vec<String> {
    scope
        .host_state::<DnsTracker>()
        .addresses
        .lock()
        .ask(&plain(name))
}

/// The names of an address.
pub(super) fn names_of(scope: &Scope, address: &str) -> Vec<String> {
    scope.host_state::<DnsTracker>().names.lock().ask(address)
}
