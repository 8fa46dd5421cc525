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
        *slot(&mut self.0.lock(), site) = state;
    }

    /// The state of a call site, for callers that own the context: no lock is taken.
    pub(crate) fn state(&mut self, site: u64) -> &mut Value {
        slot(self.0.get_mut(), site)
    }
}

fn slot(states: &mut Vec<(u64, Value)>, site: u64) -> &mut Value {
    let position = states
        .iter()
        .position(|(known, _)| *known == site)
        .unwrap_or_else(|| {
            states.push((site, Value::Null));
            states.len() - 1
        });
    &mut states[position].1
}
