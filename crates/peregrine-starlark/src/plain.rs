//! Values of VQL as plain values, which can leave the process.

use peregrine_engine::prelude::*;

use crate::codec::MAX_VALUES;

/// Nesting beyond which values are cut off.
pub(crate) const MAX_DEPTH: u32 = 64;

/// Null, bool, numbers, strings, lists and dicts are kept; values without a counterpart in Starlark become
/// text.
pub(crate) fn plain(scope: &Scope, value: &Value) -> VqlResult {
    let mut left = MAX_VALUES;
    reduce(scope, value, 0, &mut left)
}

/// The same for all members of a dict.
pub(crate) fn plain_dict(scope: &Scope, entries: impl IntoIterator<Item = (Str, Value)>) -> VqlResult<Dict> {
    let mut left = MAX_VALUES;
    members(scope, entries, 0, &mut left)
}

fn reduce(scope: &Scope, value: &Value, depth: u32, left: &mut usize) -> VqlResult {
    *left = left
        .checked_sub(1)
        .ok_or_else(|| format!("more than {MAX_VALUES} values cannot be passed to a script"))?;
    if depth > MAX_DEPTH {
        return Ok(Value::Null);
    }
    let mut list = |items: &[Value]| -> VqlResult {
        let items: VqlResult<Vec<Value>> = items
            .iter()
            .map(|item| reduce(scope, item, depth + 1, left))
            .collect();
        items.map(Value::array)
    };
    match value {
        Value::Null | Value::Scope(_) => Ok(Value::Null),
        Value::Time(_) => Ok(Value::Str(value.to_text(scope))),
        Value::Array(items) => list(items),
        Value::Dict(dict) => members(scope, dict.entries(), depth, left).map(Value::Dict),
        Value::Query(query) => list(&rows(scope, query)?),
        Value::Object(object) => match object.to_text() {
            Some(text) => Ok(Value::Str(text)),
            None => members(scope, value.to_dict(scope).entries(), depth, left).map(Value::Dict),
        },
        Value::Lazy(lazy) => reduce(scope, &lazy.force(scope), depth + 1, left),
        plain => Ok(plain.clone()),
    }
}

fn members(
    scope: &Scope,
    entries: impl IntoIterator<Item = (Str, Value)>,
    depth: u32,
    left: &mut usize,
) -> VqlResult<Dict> {
    let reduced = Dict::new();
    for (key, item) in entries {
        reduced.set(key, reduce(scope, &item, depth + 1, left)?);
    }
    Ok(reduced)
}

/// The rows, up to one more than can be passed on.
fn rows(scope: &Scope, query: &Query) -> VqlResult<Vec<Value>> {
    let mut rows = Vec::new();
    let outcome = query.run(
        scope,
        &mut FnSink(|row: Row| {
            rows.push(row.into_value());
            if rows.len() > MAX_VALUES {
                return Err(Stop);
            }
            scope.checkpoint()
        }),
    );
    if outcome.is_err() && rows.len() <= MAX_VALUES {
        return Err(VqlError::Stopped);
    }
    Ok(rows)
}
