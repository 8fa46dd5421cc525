//! `= < > IN`: decision lists in which the first matching line applies.

use crate::scope::Scope;
use crate::value::{Dict, Time, Value};

/// Nesting depth beyond which containers count as different.
const MAX_DEPTH: u32 = 100;

/// `a = b`
pub(crate) fn equal(scope: &Scope, a: &Value, b: &Value) -> bool {
    equal_at(scope, a, b, 0)
}

fn equal_at(scope: &Scope, a: &Value, b: &Value, depth: u32) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    match (a, b) {
        (Value::Lazy(lazy), b) => equal_at(scope, &lazy.force(scope), b, depth + 1),
        (a, Value::Lazy(lazy)) => equal_at(scope, a, &lazy.force(scope), depth + 1),
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::Null, b) => b.is_null(),
        (Value::Int(_) | Value::UInt(_), Value::Float(b)) => a.as_f64() == Some(*b),
        (Value::Int(_) | Value::UInt(_), Value::Int(_) | Value::UInt(_) | Value::Bool(_)) => {
            a.as_i64() == b.as_i64()
        }
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Float(a), b) => b.as_f64() == Some(*a),
        (Value::Time(a), b) => as_time(b).is_some_and(|b| *a == b),
        (Value::Bool(a), Value::Float(_) | Value::Int(_) | Value::UInt(_)) => {
            Some(i64::from(*a)) == b.as_i64()
        }
        (Value::Bool(a), Value::Str(text)) => {
            let counts_as_true = matches!(text.as_bytes(), b"Y" | b"y" | b"TRUE" | b"True");
            *a == counts_as_true
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len()
                && !scope.is_over()
                && a.iter()
                    .zip(b.iter())
                    .all(|(a, b)| equal_at(scope, a, b, depth + 1))
        }
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::Dict(a), Value::Dict(b)) => equal_dicts(scope, a, b, depth + 1),
        (Value::Object(object), b) => match object.to_number() {
            Some(number) => equal_at(scope, &Value::Int(number), b, depth + 1),
            None => object.equals(b).or_else(|| other_way(a, b)).unwrap_or(false),
        },
        (a, Value::Object(object)) => match object.to_number() {
            Some(number) => equal_at(scope, a, &Value::Int(number), depth + 1),
            None => other_way(a, b).unwrap_or(false),
        },
        (Value::Query(a), Value::Query(b)) => match (a.rows_in_memory(), b.rows_in_memory()) {
            (Some(_), Some(_)) => equal_at(scope, &a.to_array(scope), &b.to_array(scope), depth + 1),
            _ => false,
        },
        _ => false,
    }
}

fn other_way(a: &Value, b: &Value) -> Option<bool> {
    match b {
        Value::Object(object) => object.equals(a),
        _ => None,
    }
}

fn equal_dicts(scope: &Scope, a: &Dict, b: &Dict, depth: u32) -> bool {
    if a.is_same(b) {
        return true;
    }
    let (a, b_len) = (a.entries(), b.len());
    a.len() == b_len
        && !scope.is_over()
        && a.iter().all(|(key, value)| {
            b.get(key)
                .is_some_and(|other| equal_at(scope, value, &other, depth))
        })
}

/// A number or time as a time; numbers are seconds.
fn as_time(value: &Value) -> Option<Time> {
    match value {
        Value::Time(time) => Some(*time),
        Value::Float(seconds) => Some(Time::from_unix_f64(*seconds)),
        Value::Int(_) | Value::UInt(_) | Value::Bool(_) => Some(Time::from_unix(value.as_i64()?, 0)),
        _ => None,
    }
}

/// `a < b`
pub(crate) fn less(scope: &Scope, a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a < b,
        (Value::Lazy(lazy), b) => less(scope, &lazy.force(scope).reduce(scope), b),
        (a, Value::Lazy(lazy)) => less(scope, a, &lazy.force(scope).reduce(scope)),
        (Value::Object(object), b) if object.to_number().is_some() => {
            less(scope, &object.to_number().map_or(Value::Null, Value::Int), b)
        }
        (a, Value::Object(object)) if object.to_number().is_some() => {
            less(scope, a, &object.to_number().map_or(Value::Null, Value::Int))
        }
        (Value::Null, _) => false,
        (Value::Str(a), Value::Str(b)) => a < b,
        (Value::Int(_) | Value::UInt(_) | Value::Bool(_), _) => match b {
            Value::Time(time) => as_time(a).is_some_and(|a| a < *time),
            Value::Int(_) | Value::UInt(_) | Value::Bool(_) => a.as_i64() < b.as_i64(),
            Value::Float(b) => a.as_f64().is_some_and(|a| a < *b),
            _ => false,
        },
        (Value::Float(a), Value::Int(_) | Value::UInt(_) | Value::Bool(_) | Value::Float(_)) => {
            b.as_f64().is_some_and(|b| *a < b)
        }
        (Value::Float(_), Value::Time(b)) => as_time(a).is_some_and(|a| a < *b),
        (Value::Time(a), Value::Str(text)) => crate::time::parse(scope, text).is_some_and(|b| *a < b),
        (Value::Time(a), b) if as_time(b).is_some() => as_time(b).is_some_and(|b| *a < b),
        (_, Value::Null) => false,
        (Value::Object(object), b) if object.less(b).is_some() => object.less(b).unwrap_or(false),
        (_, Value::Int(_) | Value::UInt(_)) => true,
        (Value::Dict(a), Value::Dict(b)) => a.len() < b.len(),
        (Value::Dict(_), _) => false,
        (_, Value::Dict(_)) => true,
        (Value::Array(a), Value::Array(b)) => match (a.first(), b.first()) {
            (None, _) => true,
            (_, None) => false,
            (Some(a), Some(b)) => crate::stack::grow(|| less(scope, a, b)),
        },
        (Value::Str(text), Value::Time(b)) => crate::time::parse(scope, text).is_some_and(|a| a < *b),
        _ => false,
    }
}

/// `a > b`; not the mirror of `<`.
pub(crate) fn greater(scope: &Scope, a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a > b,
        (Value::Lazy(lazy), b) => greater(scope, &lazy.force(scope).reduce(scope), b),
        (a, Value::Lazy(lazy)) => greater(scope, a, &lazy.force(scope).reduce(scope)),
        (Value::Object(object), b) if object.to_number().is_some() => {
            greater(scope, &object.to_number().map_or(Value::Null, Value::Int), b)
        }
        (a, Value::Object(object)) if object.to_number().is_some() => {
            greater(scope, a, &object.to_number().map_or(Value::Null, Value::Int))
        }
        (Value::Null, _) => false,
        (Value::Str(a), Value::Str(b)) => a > b,
        (Value::Int(_) | Value::UInt(_), _) => match b {
            Value::Time(time) => as_time(a).is_some_and(|a| a > *time),
            Value::Int(_) | Value::UInt(_) => a.as_i64() > b.as_i64(),
            Value::Float(b) => a.as_f64().is_some_and(|a| a > *b),
            _ => false,
        },
        (Value::Float(a), Value::Int(_) | Value::UInt(_) | Value::Bool(_) | Value::Float(_)) => {
            b.as_f64().is_some_and(|b| *a > b)
        }
        (Value::Float(_), Value::Time(b)) => as_time(a).is_some_and(|a| a > *b),
        (Value::Time(a), Value::Str(text)) => crate::time::parse(scope, text).is_some_and(|b| *a > b),
        (Value::Time(a), b) if as_time(b).is_some() => as_time(b).is_some_and(|b| *a > b),
        (_, Value::Null) => false,
        // Inverted: bool and int compare as if `<` had been asked.
        (Value::Bool(a), Value::Int(_) | Value::UInt(_)) => b.as_i64().is_some_and(|b| i64::from(*a) < b),
        (Value::Object(object), Value::Object(other)) => {
            other.less(&Value::Object(object.clone())).unwrap_or(false)
        }
        (_, Value::Int(_) | Value::UInt(_)) => true,
        (Value::Bool(a), Value::Float(b)) => f64::from(u8::from(*a)) > *b,
        (Value::Bool(_), Value::Time(b)) => as_time(a).is_some_and(|a| a > *b),
        (Value::Str(text), Value::Time(b)) => crate::time::parse(scope, text).is_some_and(|a| a > *b),
        _ => false,
    }
}

/// `a IN b`
pub(crate) fn contains(scope: &Scope, a: &Value, b: &Value) -> bool {
    match (a, b) {
        (_, Value::Null) => false,
        (Value::Str(key), Value::Dict(dict)) => dict.get(key).is_some(),
        (Value::Str(part), Value::Str(whole)) => memchr::memmem::find(whole, part).is_some(),
        (a, Value::Array(items)) => items
            .iter()
            .take_while(|_| !scope.is_over())
            .any(|item| equal(scope, a, item)),
        (a, Value::Bytes(bytes)) => bytes.iter().any(|byte| equal(scope, a, &Value::from(*byte))),
        _ => false,
    }
}
