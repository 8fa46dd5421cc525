//! Values of VQL as values of Starlark, and back.

use peregrine_engine::prelude::*;
use starlark::values::dict::{AllocDict, DictRef};
use starlark::values::float::UnpackFloat;
use starlark::values::list::AllocList;
use starlark::values::{Heap, UnpackValue, Value as StarValue};

/// Nesting past which values are cut off.
const MAX_DEPTH: u32 = 64;
/// Values one conversion takes.
const MAX_VALUES: usize = 1_000_000;
/// Whole numbers up to here are exact as floats.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// True for what is called.
pub(crate) fn is_function(value: StarValue<'_>) -> bool {
    matches!(value.get_type(), "function" | "native_function" | "partial")
}

/// To Starlark: what has no counterpart becomes text.
pub(crate) fn to_star<'v>(heap: Heap<'v>, scope: &Scope, value: &Value) -> StarValue<'v> {
    give(heap, scope, value, 0)
}

fn give<'v>(heap: Heap<'v>, scope: &Scope, value: &Value, depth: u32) -> StarValue<'v> {
    if depth > MAX_DEPTH {
        return StarValue::new_none();
    }
    let list = |items: &[Value]| {
        let items: Vec<StarValue<'v>> = items
            .iter()
            .map(|item| give(heap, scope, item, depth + 1))
            .collect();
        heap.alloc(AllocList(items))
    };
    match value {
        Value::Null | Value::Scope(_) => StarValue::new_none(),
        Value::Bool(value) => StarValue::new_bool(*value),
        Value::Int(value) => heap.alloc(*value),
        Value::UInt(value) => heap.alloc(*value),
        Value::Float(value) if value.fract() == 0.0 && value.abs() <= EXACT => heap.alloc(*value as i64),
        Value::Float(value) => heap.alloc(*value),
        Value::Str(text) => heap.alloc(&*text.as_utf8_lossy()),
        Value::Bytes(bytes) => heap.alloc(&*String::from_utf8_lossy(bytes)),
        Value::Time(_) => heap.alloc(&*value.to_text(scope).as_utf8_lossy()),
        Value::Array(items) => list(items),
        Value::Dict(dict) => members(heap, scope, dict, depth),
        Value::Query(query) => {
            let mut rows = Vec::new();
            let _ = query.run(
                scope,
                &mut FnSink(|row: Row| {
                    if rows.len() >= MAX_VALUES {
                        return Err(Stop);
                    }
                    rows.push(row.into_value());
                    scope.checkpoint()
                }),
            );
            list(&rows)
        }
        Value::Object(object) => match object.to_text() {
            Some(text) => heap.alloc(&*text.as_utf8_lossy()),
            None => members(heap, scope, &value.to_dict(scope), depth),
        },
        Value::Lazy(lazy) => give(heap, scope, &lazy.force(scope), depth + 1),
    }
}

fn members<'v>(heap: Heap<'v>, scope: &Scope, dict: &Dict, depth: u32) -> StarValue<'v> {
    let entries: Vec<(String, StarValue<'v>)> = dict
        .entries()
        .into_iter()
        .map(|(key, item)| (key.to_string(), give(heap, scope, &item, depth + 1)))
        .collect();
    heap.alloc(AllocDict(entries))
}

/// From Starlark.
pub(crate) fn from_star<'v>(heap: Heap<'v>, value: StarValue<'v>) -> Result<Value, String> {
    let mut left = MAX_VALUES;
    take(heap, value, 0, &mut left)
}

fn take<'v>(heap: Heap<'v>, value: StarValue<'v>, depth: u32, left: &mut usize) -> Result<Value, String> {
    *left = left
        .checked_sub(1)
        .ok_or_else(|| format!("the result has more than {MAX_VALUES} values"))?;
    if depth > MAX_DEPTH || value.is_none() || is_function(value) {
        return Ok(Value::Null);
    }
    if let Some(value) = value.unpack_bool() {
        return Ok(Value::from(value));
    }
    if let Some(text) = value.unpack_str() {
        return Ok(Value::from(text));
    }
    if value.get_type() == "int" {
        return Ok(match i64::unpack_value(value) {
            Ok(Some(number)) => Value::from(number),
            // Larger than any number of VQL.
            _ => Value::from(value.to_str()),
        });
    }
    if let Ok(Some(UnpackFloat(number))) = UnpackFloat::unpack_value(value) {
        return Ok(Value::from(number));
    }
    if let Some(dict) = DictRef::from_value(value) {
        let entries = Dict::new();
        for (key, item) in dict.iter() {
            let key = key.unpack_str().map_or_else(|| key.to_str(), str::to_owned);
            entries.set(key, take(heap, item, depth + 1, left)?);
        }
        return Ok(Value::Dict(entries));
    }
    if value.get_type() == "struct" {
        return structure(value, left);
    }
    match value.iterate(heap) {
        Ok(items) => {
            let items: Result<Vec<Value>, String> =
                items.map(|item| take(heap, item, depth + 1, left)).collect();
            items.map(Value::array)
        }
        Err(_) => Ok(Value::from(value.to_str())),
    }
}

/// A struct by way of its JSON, which is what shows its members.
fn structure(value: StarValue<'_>, left: &mut usize) -> Result<Value, String> {
    let text = value.to_json().map_err(|error| error.to_string())?;
    *left = left.saturating_sub(text.len() / 2);
    peregrine_engine::json::parse(text.as_bytes()).map_err(|error| error.to_string())
}
