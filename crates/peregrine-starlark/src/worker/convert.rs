//! Converts plain values to Starlark, and back.

use peregrine_engine::prelude::{Dict, Str, Value};
use peregrine_engine::value::{as_characters, from_characters};
use starlark::values::bytes::StarlarkBytes;
use starlark::values::dict::{AllocDict, DictRef};
use starlark::values::float::UnpackFloat;
use starlark::values::list::AllocList;
use starlark::values::structs::StructRef;
use starlark::values::{Heap, UnpackValue, Value as StarValue, ValueLike as _};

use crate::codec::MAX_VALUES;
use crate::plain::MAX_DEPTH;

/// Whole numbers up to this are exact as floats.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// True for callable values.
pub(super) fn is_function(value: StarValue<'_>) -> bool {
    matches!(value.get_type(), "function" | "native_function" | "partial")
}

/// Converts to Starlark. The depth is that of a message, which is bounded.
pub(super) fn to_star<'v>(heap: Heap<'v>, value: &Value) -> StarValue<'v> {
    match value {
        Value::Bool(value) => StarValue::new_bool(*value),
        Value::Int(value) => heap.alloc(*value),
        Value::UInt(value) => heap.alloc(*value),
        Value::Float(value) if value.fract() == 0.0 && value.abs() <= EXACT => heap.alloc(*value as i64),
        Value::Float(value) => heap.alloc(*value),
        Value::Str(text) => match text.as_utf8() {
            Some(text) => heap.alloc(text),
            // Strings of Starlark are text; other strings are passed as bytes, undamaged.
            None => heap.alloc(text.as_bytes()),
        },
        Value::Bytes(bytes) => heap.alloc(&**bytes),
        Value::Array(items) => {
            let items: Vec<StarValue<'v>> = items.iter().map(|item| to_star(heap, item)).collect();
            heap.alloc(AllocList(items))
        }
        Value::Dict(dict) => {
            let entries = dict.entries().into_iter();
            let entries: Vec<(String, StarValue<'v>)> = entries
                .map(|(key, item)| (as_characters(&key).into_owned(), to_star(heap, &item)))
                .collect();
            heap.alloc(AllocDict(entries))
        }
        _ => StarValue::new_none(),
    }
}

/// Converts from Starlark.
pub(super) fn from_star<'v>(heap: Heap<'v>, value: StarValue<'v>) -> Result<Value, String> {
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
        return Ok(Value::Str(from_characters(text)));
    }
    if let Some(bytes) = value.downcast_ref::<StarlarkBytes>() {
        return Ok(Value::Str(Str::new(bytes.as_bytes())));
    }
    if value.get_type() == "int" {
        return Ok(match i64::unpack_value(value) {
            Ok(Some(number)) => Value::from(number),
            // Larger than any number in VQL.
            _ => Value::from(value.to_str()),
        });
    }
    if let Ok(Some(UnpackFloat(number))) = UnpackFloat::unpack_value(value) {
        return Ok(Value::from(number));
    }
    if let Some(dict) = DictRef::from_value(value) {
        let entries = Dict::new();
        for (key, item) in dict.iter() {
            let key = if let Some(bytes) = key.downcast_ref::<StarlarkBytes>() {
                Str::new(bytes.as_bytes())
            } else {
                from_characters(&key.unpack_str().map_or_else(|| key.to_str(), str::to_owned))
            };
            entries.set(key, take(heap, item, depth + 1, left)?);
        }
        return Ok(Value::Dict(entries));
    }
    if let Some(members) = StructRef::from_value(value) {
        let entries = Dict::new();
        for (name, item) in members.iter() {
            entries.set(name.as_str(), take(heap, item, depth + 1, left)?);
        }
        return Ok(Value::Dict(entries));
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
