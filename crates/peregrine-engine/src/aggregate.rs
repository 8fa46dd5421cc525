//! Aggregate contexts: the state of `count()`, `sum()` and friends, by call site.

use parking_lot::Mutex;

use crate::value::Value;

/// States by call site. A query has few aggregates, so a list beats a map.
#[derive(Debug, Default)]
pub(crate) struct AggregateContext(Mutex<Vec<(u64, Value)>>);

impl AggregateContext {
    /// Takes the state of a call site out, to be put back with [`AggregateContext::put`]. It is not held while
    /// the function runs: its arguments may contain aggregates.
    pub(crate) fn take(&self, site: u64) -> Value {
        let mut states = self.0.lock();
        let state = states.iter_mut().find(|(known, _)| *known == site);
        state.map_or(Value::Null, |(_, state)| std::mem::take(state))
    }

    /// Stores the state of a call site.
    pub(crate) fn put(&self, site: u64, state: Value) {
        let mut states = self.0.lock();
        match states.iter_mut().find(|(known, _)| *known == site) {
            Some((_, slot)) => *slot = state,
            None => states.push((site, state)),
        }
    }
}
