//! The values bound to a query.

use peregrine_engine::prelude::*;

/// The values: a list, or a single value.
pub(super) fn list(scope: &Scope, args: &Value) -> Vec<Value> {
    let list = match args {
        Value::Null => return Vec::new(),
        // A single value, although the language also treats bytes as a list of numbers.
        Value::Bytes(_) => return vec![args.clone()],
        other => other
            .clone()
            .into_list(scope)
            .unwrap_or_else(|single| vec![single]),
    };
    list.into_iter().map(|value| value.reduce(scope)).collect()
}
