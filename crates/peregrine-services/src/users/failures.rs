//! Failed sign-ins in the audit log. Anybody can cause them, so not each gets an entry: the first from an address is written
//! at once, the others within that minute are summed up in one entry afterwards.
//!
//! Unknown user names are not logged, because people sometimes type their password there.

use crate::Core;
use crate::{Result, audit, clock};
use parking_lot::Mutex;
use peregrine_store::Micros;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long failures of an address are summed up.
const WINDOW: Micros = 60_000_000;
/// How often sums that are due are written.
const SWEEP: Duration = Duration::from_secs(20);
/// Addresses with a sum of their own; the failures of further ones share one.
const MAX_ADDRESSES: usize = 100;
/// User names kept per address.
const MAX_NAMES: usize = 20;
/// Key of the sum for all addresses beyond [`MAX_ADDRESSES`].
const OTHERS: &str = "others";

/// Why a sign-in failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure<'a> {
    /// Holds the name of the existing user.
    WrongPassword(&'a str),
    /// The user does not exist, or is locked.
    UnknownUser,
    /// Refused by the throttle; the password was not checked.
    Refused,
}

#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<HashMap<String, Tally>>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    since: Micros,
    users: BTreeSet<String>,
    wrong: u64,
    unknown: u64,
    refused: u64,
}

impl Failures {
    /// Counts a failure; true if it is to be written at once.
    fn count(&self, address: &str, failure: Failure<'_>, now: Micros) -> bool {
        let mut tallies = self.0.lock();
        let is_many = tallies.len() >= MAX_ADDRESSES && !tallies.contains_key(address);
        let address = if is_many { OTHERS } else { address };
        let Some(tally) = tallies.get_mut(address) else {
            let tally = Tally {
                since: now,
                ..Tally::default()
            };
            tallies.insert(address.to_owned(), tally);
            return true;
        };
        match failure {
            Failure::WrongPassword(user) => {
                tally.wrong += 1;
                if tally.users.len() < MAX_NAMES {
                    tally.users.insert(user.to_owned());
                }
            }
            Failure::UnknownUser => tally.unknown += 1,
            Failure::Refused => tally.refused += 1,
        }
        false
    }

    /// Removes and returns the sums whose minute is over, or all if `is_last`.
    fn due(&self, now: Micros, is_last: bool) -> Vec<(String, Tally)> {
        let mut tallies = self.0.lock();
        let due = tallies.extract_if(|_, tally| is_last || now - tally.since >= WINDOW);
        due.filter(|(_, tally)| tally.wrong + tally.unknown + tally.refused > 0)
            .collect()
    }
}

impl Tally {
    fn detail(&self) -> Value {
        json!({"since": clock::show(self.since), "users": self.users, "wrong_passwords": self.wrong,
            "unknown_users": self.unknown, "refused": self.refused})
    }
}

/// Records a failed sign-in. Returns no error, because the answer to the user must not depend on the audit log.
pub(super) async fn note(core: &Core, address: &str, failure: Failure<'_>) {
    if !core.failures.count(address, failure, clock::now()) {
        return;
    }
    let (name, operation) = match failure {
        Failure::WrongPassword(name) => (name, "Invalid password"),
        Failure::UnknownUser => ("", "Unknown username"),
        Failure::Refused => ("", "Sign-in refused"),
    };
    report(audit::record(core, name, address, operation, json!({"user": name})).await);
}

/// Writes due sums and kept audit lines until `stopping`, and then the rest.
pub async fn write_down(core: Arc<Core>, stopping: CancellationToken) {
    loop {
        let is_last = tokio::select! {
            () = tokio::time::sleep(SWEEP) => false,
            () = stopping.cancelled() => true,
        };
        for (address, tally) in core.failures.due(clock::now(), is_last) {
            let address = if address == OTHERS { "" } else { &address };
            report(audit::record(&core, "", address, "Failed sign-ins", tally.detail()).await);
        }
        audit::write_kept(&core).await;
        if is_last {
            return;
        }
    }
}

fn report(written: Result<()>) {
    if let Err(error) = written {
        tracing::warn!(%error, "failed sign-ins are not in the audit log");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_rest_together() {
        let failures = Failures::default();
        assert!(failures.count("10.0.0.1", Failure::WrongPassword("admin"), 0));
        for n in 1..1000 {
            assert!(!failures.count("10.0.0.1", Failure::WrongPassword("admin"), n));
            assert!(!failures.count("10.0.0.1", Failure::UnknownUser, n));
        }
        assert!(failures.count("10.0.0.2", Failure::Refused, 5));
        assert!(failures.due(WINDOW - 1, false).is_empty());
        let due = failures.due(WINDOW, false);
        assert_eq!((due.len(), due[0].1.wrong, due[0].1.unknown), (1, 999, 999));
        assert_eq!(due[0].1.users, BTreeSet::from(["admin".to_owned()]));
        assert!(
            failures.due(WINDOW, true).is_empty(),
            "one failure is told already"
        );
    }

    #[test]
    fn a_crowd_of_addresses_is_put_together() {
        let failures = Failures::default();
        let told = (0..10_000).filter(|n| failures.count(&n.to_string(), Failure::UnknownUser, 0));
        assert_eq!(told.count(), MAX_ADDRESSES + 1);
        let due = failures.due(WINDOW, false);
        assert_eq!((due.len(), due[0].0.as_str()), (1, OTHERS));
    }
}
