//! The queries running now, for diagnosis. A host that reports them registers [`RunningQueries`] as an
//! extension and enters its queries there.

use crate::value::Time;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A running query.
#[derive(Debug, Clone)]
pub struct RunningQuery {
    /// The session it belongs to, such as a collection's id.
    pub session: String,
    /// What it is called.
    pub name: String,
    /// Its statements, without the values of its parameters.
    pub text: String,
    /// When it was started.
    pub started: Time,
}

/// The queries running now, oldest first.
#[derive(Debug, Default)]
pub struct RunningQueries(Mutex<Numbered>);

#[derive(Debug, Default)]
struct Numbered {
    next: u64,
    queries: BTreeMap<u64, RunningQuery>,
}

/// Keeps a query in the list while it lives.
#[derive(Debug)]
pub struct Entered {
    queries: Arc<RunningQueries>,
    number: u64,
}

impl RunningQueries {
    /// Adds a query until the guard is dropped.
    #[must_use]
    pub fn enter(self: &Arc<Self>, query: RunningQuery) -> Entered {
        let mut running = self.0.lock();
        let number = running.next;
        running.next += 1;
        running.queries.insert(number, query);
        Entered {
            queries: Arc::clone(self),
            number,
        }
    }

    /// The queries running now.
    #[must_use]
    pub fn list(&self) -> Vec<RunningQuery> {
        self.0.lock().queries.values().cloned().collect()
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.queries.0.lock().queries.remove(&self.number);
    }
}
