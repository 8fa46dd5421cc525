//! Times: members, text forms, conversions.

mod civil;
mod guess;
mod layout;
mod member;
mod show;
mod zone;

pub use self::civil::{Civil, parse_rfc3339};
pub use self::guess::parse;
pub use self::layout::{format_layout, named_layout, parse_layout};
pub use self::member::member;
pub use self::show::{rfc3339, rfc3339_in, text_form};
pub use self::zone::parse_zone;

use crate::scope::Scope;
use crate::value::{Time, Value};

/// Numbers above these are milli-, micro-, nanoseconds instead of seconds.
const MAX_SECONDS: i64 = 20_000_000_000;
const MAX_MILLIS: i64 = 20_000_000_000_000;
const MAX_MICROS: i64 = 20_000_000_000_000_000;

/// A number as a time; its size tells seconds from milli-, micro- and nanoseconds. 0 is the zero time.
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

/// Converts a value to a time as parameters of type time do.
#[must_use]
pub fn to_time(scope: &Scope, value: &Value) -> Option<Time> {
    match value {
        Value::Time(time) => Some(*time),
        Value::Int(number) => Some(from_number(*number)),
        Value::UInt(number) => Some(from_number(*number as i64)),
        Value::Bool(value) => Some(from_number(i64::from(*value))),
        Value::Float(seconds) if *seconds == 0.0 => Some(Time::ZERO),
        Value::Float(seconds) => Some(Time::from_unix_f64(*seconds)),
        Value::Str(text) if text.is_empty() => Some(Time::ZERO),
        Value::Str(text) => match crate::number::parse_int(&text.as_utf8_lossy()) {
            Some(number) => Some(from_number(number)),
            None => parse(scope, text),
        },
        Value::Lazy(lazy) => to_time(scope, &lazy.force(scope)),
        _ => None,
    }
}

/// The offset of a zone at a local time (seconds since 1970 on a clock there).
fn zone_offset_at(zone: crate::value::ZoneId, local: i64) -> i32 {
    let offset_of = |seconds: i64| Civil::of(Time::from_unix(seconds, 0).in_zone(zone)).offset;
    // One step suffices except at a clock change, where the second one decides.
    let first = offset_of(local);
    let second = offset_of(local - i64::from(first));
    if first == second {
        first
    } else {
        offset_of(local - i64::from(second))
    }
}
