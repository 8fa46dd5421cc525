//! JSON values as rows.

use std::sync::{Arc, LazyLock};

use peregrine_engine::prelude::*;

static VALUE: LazyLock<Arc<Columns>> = LazyLock::new(|| Columns::new(["_value"]));

/// A dict is a row; any other value goes into the column `_value`.
pub(super) fn row(value: Value) -> Row {
    match value {
        Value::Dict(dict) => dict.into_row(),
        other => Row::fixed_single(&VALUE, other),
    }
}
