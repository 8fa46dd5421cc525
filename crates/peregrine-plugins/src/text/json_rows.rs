//! JSON values as rows.

use peregrine_engine::prelude::*;

/// A dict is a row; another value has the column `_value`.
pub(super) fn row(value: Value) -> Row {
    match value {
        Value::Dict(dict) => Row::from(dict),
        other => Row::from_pairs([("_value", other)]),
    }
}
