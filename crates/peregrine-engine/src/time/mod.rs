//! Times: members, text forms, conversions.

mod civil;
mod show;

pub use self::civil::Civil;
pub use self::show::{rfc3339, rfc3339_in, text_form};

use crate::scope::Scope;
use crate::value::{Time, Value};

/// Numbers above these are milli-, micro-, nanoseconds instead of seconds.
const MAX_SECONDS: i64 = 20_000_000_000;
const MAX_MILLIS: i64 = 20_000_000_000_000;
const MAX_MICROS: i64 = 20_000_000_000_000_000;

/// A number as time; its size tells seconds from milli-, micro- and nanoseconds. 0 is the zero time.
#[must_use]
pub fn from_number(number: i64) -> Time {
    match number {
        0 => Time::ZERO,
        n if n > MAX_MICROS => Time::from_unix_nanos(i128::from(n)),
        n if n > MAX_MILLIS => Time::from_unix_nanos(i128::from(n) * 1_000),
        n if n > MAX_SECONDS => Time::from_unix_nanos(i128::from(n) * 1_000_000),
        n => Time::from_unix(n, 0),
    }
}

/// Converts a value to a time as time parameters do.
#[must_use]
pub fn to_time(scope: &Scope, value: &Value) -> Option<Time> {
    match value {
        Value::Time(time) => Some(*time),
        Value::Int(number) => Some(from_number(*number)),
        Value::UInt(number) => Some(from_number(*number as i64)),
        Value::Bool(value) => Some(from_number(i64::from(*value))),
        Value::Float(seconds) if *seconds == 0.0 => Some(Time::ZERO),
        Value::Float(seconds) => Some(Time::from_unix_f64(*seconds)),
        Value::Lazy(lazy) => to_time(scope, &lazy.force(scope)),
        _ => None,
    }
}

/// `time.Name`.
#[must_use]
pub fn member(time: Time, name: &[u8]) -> Option<Value> {
    let civil = Civil::of(time);
    Some(match name {
        b"Year" => Value::from(civil.year),
        b"Unix" => Value::from(time.unix()),
        _ => return None,
    })
}

/// RFC 3339 only.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<Time> {
    civil::parse_rfc3339(text)
}

/// A date in one of many layouts; `None` when it is none.
#[must_use]
pub fn parse(_scope: &Scope, text: &[u8]) -> Option<Time> {
    parse_rfc3339(std::str::from_utf8(text).ok()?)
}
