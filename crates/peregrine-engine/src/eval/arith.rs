//! `+ - * /`: decision lists in which the first matching line applies.

use peregrine_vql::ast::ArithmeticOp;

use crate::memory;
use crate::scope::Scope;
use crate::value::{Dict, Str, Value};

/// Longest string an operator produces.
const MAX_STRING: usize = 100_000_000;

/// Applies an operator to two reduced values.
pub(crate) fn apply(op: ArithmeticOp, scope: &Scope, left: Value, right: Value) -> Value {
    if let (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) = (&left, &right) {
        return numbers(op, &left, &right);
    }
    let (left, right) = (plain_number(left), plain_number(right));
    match op {
        ArithmeticOp::Add => add(scope, left, right),
        ArithmeticOp::Sub => subtract(&left, &right),
        ArithmeticOp::Mul => multiply(scope, &left, &right),
        ArithmeticOp::Div => divide(&left, &right),
    }
}

/// The number an object represents, if it represents one.
fn plain_number(value: Value) -> Value {
    match &value {
        Value::Object(object) => object.to_number().map_or(value, Value::Int),
        _ => value,
    }
}

/// The operators on ints and floats.
pub(super) fn numbers(op: ArithmeticOp, left: &Value, right: &Value) -> Value {
    if let (Value::Int(a), Value::Int(b)) = (left, right) {
        return match op {
            ArithmeticOp::Add => Value::Int(a.wrapping_add(*b)),
            ArithmeticOp::Sub => Value::Int(a.wrapping_sub(*b)),
            ArithmeticOp::Mul => Value::Int(a.wrapping_mul(*b)),
            ArithmeticOp::Div => divide(left, right),
        };
    }
    let (Some(a), Some(b)) = (left.as_f64(), right.as_f64()) else {
        return Value::Null;
    };
    match op {
        ArithmeticOp::Add => Value::Float(a + b),
        ArithmeticOp::Sub => Value::Float(a - b),
        ArithmeticOp::Mul => Value::Float(a * b),
        ArithmeticOp::Div => divide(left, right),
    }
}

fn is_int(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::UInt(_))
}

fn add(scope: &Scope, left: Value, right: Value) -> Value {
    if let Value::Object(object) = &left
        && let Some(sum) = object.add(&right)
    {
        return sum;
    }
    match (&left, &right) {
        (Value::Str(a), Value::Str(b)) => return concat(scope, a, b),
        (Value::Object(object), Value::Str(b)) => {
            if let Some(a) = object.to_text() {
                return concat(scope, &a, b);
            }
        }
        (Value::Str(a), Value::Object(object)) => {
            if let Some(b) = object.to_text() {
                return concat(scope, a, &b);
            }
        }
        (Value::Null, _) => return Value::Null,
        (Value::Float(a), b) => {
            if let Some(b) = b.as_f64() {
                return Value::Float(a + b);
            }
        }
        (a, Value::Float(b)) if is_int(a) => return Value::Float(a.as_f64().unwrap_or(0.0) + b),
        (a, b) if is_int(a) && is_int(b) => {
            return Value::Int(a.as_i64().unwrap_or(0).wrapping_add(b.as_i64().unwrap_or(0)));
        }
        (Value::Dict(a), Value::Dict(b)) => return Value::Dict(dict_sum(a, b)),
        _ => {}
    }
    let list_like = |value: &Value| match value {
        Value::Array(_) | Value::Bytes(_) => true,
        Value::Query(query) => query.rows_in_memory().is_some(),
        _ => false,
    };
    let queries = matches!((&left, &right), (Value::Query(_), Value::Query(_)));
    if !queries && !list_like(&left) && !list_like(&right) {
        return Value::Null;
    }
    let mut items = operand_items(scope, left);
    let right = operand_items(scope, right);
    if !memory::has_room((items.len() + right.len()).saturating_mul(size_of::<Value>())) {
        return Value::Null;
    }
    items.extend(right);
    Value::array(items)
}

/// What an operand contributes to a list: its elements, its rows, or itself.
fn operand_items(scope: &Scope, value: Value) -> Vec<Value> {
    match value {
        Value::Query(query) => query.collect_values(scope),
        value => value.into_list(scope).unwrap_or_else(|single| vec![single]),
    }
}

fn concat(scope: &Scope, a: &[u8], b: &[u8]) -> Value {
    let total = a.len() + b.len();
    if total > MAX_STRING {
        scope.log_line(&format!(
            "Adding Str + Str exceeded memory limits. LH Str {} + RH Str {} = {total}",
            a.len(),
            b.len()
        ));
        return Value::Null;
    }
    if !memory::has_room(total) {
        return Value::Null;
    }
    let mut joined = Vec::with_capacity(total);
    joined.extend_from_slice(a);
    joined.extend_from_slice(b);
    Value::Str(Str::from(joined))
}

/// Keys of `a` in order with `b`'s values, then `b`'s new keys.
fn dict_sum(a: &Dict, b: &Dict) -> Dict {
    let mut entries = a.entries();
    for (key, value) in b.entries() {
        match entries.iter_mut().find(|(known, _)| *known == key) {
            Some((_, slot)) => *slot = value,
            None => entries.push((key, value)),
        }
    }
    Dict::from_pairs(entries)
}

fn subtract(left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Dict(a), Value::Dict(b)) => Value::Dict(Dict::from_pairs(
            a.entries().into_iter().filter(|(key, _)| b.get(key).is_none()),
        )),
        (a, b) => numeric(a, b, |a, b| a - b, i64::wrapping_sub),
    }
}

fn multiply(scope: &Scope, left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Str(text), count) => match count.as_i64() {
            Some(count) => repeat(scope, text, count),
            None => Value::Null,
        },
        (Value::Dict(a), Value::Dict(b)) => Value::Dict(Dict::from_pairs(
            a.entries().into_iter().filter(|(key, _)| b.get(key).is_some()),
        )),
        (a, b) => numeric(a, b, |a, b| a * b, i64::wrapping_mul),
    }
}

fn repeat(scope: &Scope, text: &Str, count: i64) -> Value {
    let wanted = usize::try_from(count)
        .ok()
        .and_then(|count| text.len().checked_mul(count));
    match wanted {
        Some(total) if total <= MAX_STRING && !memory::has_room(total) => Value::Null,
        Some(total) if total <= MAX_STRING => Value::Str(Str::from(text.repeat(if total == 0 {
            0
        } else {
            count as usize
        }))),
        // `'' * -1` is NULL without a message.
        _ if text.is_empty() => Value::Null,
        _ => {
            let len = text.len();
            scope.log_line(&format!(
                "Multiply Str x Int exceeded memory limits. Len Str {len} * Count {count} = {}",
                (len as i64).wrapping_mul(count)
            ));
            Value::Null
        }
    }
}

/// A float if one of the two numbers is a float, else an int; NULL for anything else.
fn numeric(left: &Value, right: &Value, floats: fn(f64, f64) -> f64, ints: fn(i64, i64) -> i64) -> Value {
    let (Some(a), Some(b)) = (left.as_f64(), right.as_f64()) else {
        return Value::Null;
    };
    if matches!(left, Value::Float(_)) || matches!(right, Value::Float(_)) {
        return Value::Float(floats(a, b));
    }
    match (left.as_i64(), right.as_i64()) {
        (Some(a), Some(b)) => Value::Int(ints(a, b)),
        _ => Value::Null,
    }
}

/// Always float; NULL for a zero divisor, except that an int by 0.0 is infinite unless the int is 0.
fn divide(left: &Value, right: &Value) -> Value {
    let (Some(a), Some(b)) = (left.as_f64(), right.as_f64()) else {
        return Value::Null;
    };
    let refused = match (left, right) {
        (Value::Float(_), _) => b == 0.0,
        (_, Value::Float(_)) => a == 0.0,
        _ => b == 0.0,
    };
    if refused { Value::Null } else { Value::Float(a / b) }
}
