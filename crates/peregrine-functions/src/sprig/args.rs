//! Arguments of template functions, converted as Sprig converts them.

use std::collections::BTreeMap;
use std::sync::Arc;

use gotmpl::{Result, Value};
use peregrine_engine::value::{Str, from_characters};

use super::bridge::{MAX_ITEMS, MAX_TEXT, fail};

/// An argument by position.
pub(super) fn arg(args: &[Value], position: usize) -> Result<&Value> {
    args.get(position).ok_or_else(|| {
        fail(format!(
            "argument {} is missing; {} given",
            position + 1,
            args.len()
        ))
    })
}

/// The arguments, of which there must be `COUNT`.
pub(super) fn exactly<const COUNT: usize>(args: &[Value]) -> Result<&[Value; COUNT]> {
    <&[Value; COUNT]>::try_from(args).map_err(|_| {
        fail(format!(
            "wrong number of arguments: {COUNT} wanted, {} given",
            args.len()
        ))
    })
}

/// The text of any value.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Nil => String::new(),
        Value::Float(value) => float_text(*value),
        other => other.to_string(),
    }
}

/// Text of an argument by position.
pub(super) fn text_at(args: &[Value], position: usize) -> Result<String> {
    arg(args, position).map(text)
}

/// The text of an argument by position, as the bytes it has outside of templates.
pub(super) fn bytes_at(args: &[Value], position: usize) -> Result<Str> {
    text_at(args, position).map(|text| from_characters(&text))
}

/// A whole number: text is parsed; anything else that is not a number is 0.
pub(super) fn int(value: &Value) -> i64 {
    match value {
        Value::Bool(value) => i64::from(*value),
        Value::String(text) => {
            let text = text.trim();
            let hex = text
                .strip_prefix("0x")
                .map(|digits| i64::from_str_radix(digits, 16));
            match hex.unwrap_or_else(|| text.parse()) {
                Ok(number) => number,
                Err(_) => text.parse::<f64>().map_or(0, |number| number as i64),
            }
        }
        other => other.as_int().unwrap_or(0),
    }
}

/// A whole number by position.
pub(super) fn int_at(args: &[Value], position: usize) -> Result<i64> {
    arg(args, position).map(int)
}

/// A length or count by position; negative numbers count as 0.
pub(super) fn count_at(args: &[Value], position: usize) -> Result<usize> {
    Ok(usize::try_from(int_at(args, position)?).unwrap_or(0))
}

/// A number with a fraction.
pub(super) fn float(value: &Value) -> f64 {
    match value {
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::String(text) => text.trim().parse().unwrap_or(0.0),
        other => other.as_float().unwrap_or(0.0),
    }
}

/// The items of a list.
pub(super) fn list(value: &Value) -> Result<&[Value]> {
    match value {
        Value::List(items) => Ok(items),
        Value::Nil => Ok(&[]),
        other => Err(fail(format!("a list is wanted, not {}", other.type_name()))),
    }
}

/// The entries of a dict.
pub(super) fn map(value: &Value) -> Result<&BTreeMap<Arc<str>, Value>> {
    match value {
        Value::Map(map) => Ok(map),
        other => Err(fail(format!("a dict is wanted, not {}", other.type_name()))),
    }
}

/// A new list, which must not be too long.
pub(super) fn new_list(items: Vec<Value>) -> Result<Value> {
    if items.len() > MAX_ITEMS {
        return Err(fail("a list of the template grows too long"));
    }
    Ok(Value::List(items.into()))
}

/// A new dict.
pub(super) fn new_map(entries: BTreeMap<Arc<str>, Value>) -> Value {
    Value::Map(Arc::new(entries))
}

/// Refuses texts that would be too long, before they are built.
pub(super) fn check_length(length: usize) -> Result<()> {
    if length > MAX_TEXT {
        return Err(fail("a text of the template grows too long"));
    }
    Ok(())
}

/// True for values Sprig calls empty: nothing, zero, false, or without content.
pub(super) fn is_empty(value: &Value) -> bool {
    !value.is_truthy()
}

/// The shortest text of a number, with an exponent where Go prints one.
pub(super) fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = value.abs();
    if value == 0.0 || (1e-4..1e21).contains(&size) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}
