//! Text forms of values.

use super::{Str, Value};
use crate::memory;
use crate::scope::Scope;

/// Nesting beyond which text forms stop.
const MAX_DEPTH: u32 = 64;
/// Length after which the query is asked whether it still wants the text.
const LONG: usize = 64 << 10;

impl Value {
    /// The text form, as seen by group keys, `%v`, and `=~` on numbers. NULL is `Null`.
    #[must_use]
    pub fn to_text(&self, scope: &Scope) -> Str {
        match self {
            Value::Str(text) => text.clone(),
            Value::Int(value) => Str::new(itoa(*value, &mut [0; 20])),
            other => {
                let mut out = Vec::new();
                write_text(scope, other, &mut out, 0);
                Str::from(out)
            }
        }
    }

    /// The text form for string parameters: NULL is empty, a list of one is its element.
    #[must_use]
    pub fn to_string_arg(&self, scope: &Scope) -> Str {
        match self {
            Value::Str(text) => text.clone(),
            Value::Null => Str::EMPTY,
            Value::Array(items) => match items.as_slice() {
                [single] => single.to_string_arg(scope),
                _ => self.to_text(scope),
            },
            Value::Bytes(bytes) => Str::new(bytes),
            other => other.to_text(scope),
        }
    }

    /// The name of the type in messages, as the reference writes it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "types.Null",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int64",
            Value::UInt(_) => "uint64",
            Value::Float(_) => "float64",
            Value::Str(_) => "string",
            Value::Bytes(_) => "[]uint8",
            Value::Time(_) => "time.Time",
            Value::Array(_) => "[]types.Any",
            Value::Dict(_) => "*ordereddict.Dict",
            Value::Query(query) if query.rows_in_memory().is_some() => "[]types.Row",
            Value::Query(_) => "types.StoredQuery",
            Value::Scope(_) => "types.Scope",
            Value::Lazy(_) => "types.LazyExpr",
            Value::Object(object) => object.type_name(),
        }
    }
}

fn write_text(scope: &Scope, value: &Value, out: &mut Vec<u8>, depth: u32) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::Null => out.extend_from_slice(b"Null"),
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Int(value) => out.extend_from_slice(itoa(*value, &mut [0; 20])),
        Value::UInt(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Float(value) => out.extend_from_slice(float_text(*value).as_bytes()),
        Value::Str(text) => out.extend_from_slice(text),
        Value::Bytes(bytes) => out.extend_from_slice(bytes),
        Value::Time(time) => out.extend_from_slice(crate::time::text_form(*time).as_bytes()),
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i.is_multiple_of(64) && !memory::has_room_in(out) {
                    break;
                }
                if out.len() > LONG && scope.is_over() {
                    break;
                }
                if i > 0 {
                    out.push(b' ');
                }
                write_text(scope, item, out, depth + 1);
            }
            out.push(b']');
        }
        Value::Dict(_) | Value::Scope(_) => crate::json::write_value_exactly(scope, value, out),
        Value::Query(query) => write_text(scope, &query.to_array(scope), out, depth + 1),
        Value::Lazy(lazy) => write_text(scope, &lazy.force(scope), out, depth + 1),
        Value::Object(object) => match object.to_text() {
            Some(text) => out.extend_from_slice(&text),
            None => crate::json::write_value_exactly(scope, value, out),
        },
    }
}

/// Shortest digits; `d.ddde±XX` below 1e-4, and from 1e6 on unless written with fewer than seven digits.
#[must_use]
pub(crate) fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let (digits, exponent) = shortest(value);
    if value != 0.0 && !(-4..6).contains(&exponent) {
        return with_exponent(&digits, exponent, 2);
    }
    format!("{value}")
}

/// Shortest digits with sign and point (`-1.25`) and the decimal exponent.
pub(crate) fn shortest(value: f64) -> (String, i32) {
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => (digits.to_owned(), exponent.parse().unwrap_or(0)),
        None => (text, 0),
    }
}

/// `1.5e+07`, the exponent padded to `width` digits.
pub(crate) fn with_exponent(digits: &str, exponent: i32, width: usize) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:0width$}", exponent.unsigned_abs())
}

/// Decimal digits without an allocation.
pub(crate) fn itoa(value: i64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut rest = value.unsigned_abs();
    let mut start = buffer.len();
    while rest >= 10 {
        let pair = usize::try_from(rest % 100).unwrap_or_default() * 2;
        rest /= 100;
        start -= 2;
        buffer[start..start + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if rest > 0 || start == buffer.len() {
        start -= 1;
        buffer[start] = b'0' + rest as u8;
    }
    if value < 0 {
        start -= 1;
        buffer[start] = b'-';
    }
    &buffer[start..]
}

/// `00` to `99`.
const PAIRS: [u8; 200] = {
    let mut pairs = [0; 200];
    let mut number = 0;
    while number < 100 {
        pairs[2 * number] = b'0' + (number / 10) as u8;
        pairs[2 * number + 1] = b'0' + (number % 10) as u8;
        number += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use super::itoa;

    #[test]
    fn digits() {
        for value in [
            0,
            7,
            10,
            99,
            100,
            101,
            12_345,
            1_000_000,
            i64::MAX,
            i64::MIN,
            -1,
            -10,
        ] {
            assert_eq!(itoa(value, &mut [0; 20]), value.to_string().as_bytes());
        }
    }
}
