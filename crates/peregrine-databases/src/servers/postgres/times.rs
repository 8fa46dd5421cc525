//! Times of PostgreSQL: days or microseconds since 2000.

use peregrine_engine::prelude::*;

/// Seconds from 1970 to 2000.
const EPOCH: i128 = 946_684_800;
const MICROS: i128 = 1_000_000;
const DAY: i128 = 86_400;

/// Midnight of a day, or `infinity`.
pub(super) fn date(days: i32) -> Value {
    match days {
        i32::MAX => Value::str("infinity"),
        i32::MIN => Value::str("-infinity"),
        _ => instant((i128::from(days) * DAY + EPOCH) * MICROS),
    }
}

/// An instant, or `infinity`.
pub(super) fn timestamp(micros: i64) -> Value {
    match micros {
        i64::MAX => Value::str("infinity"),
        i64::MIN => Value::str("-infinity"),
        _ => instant(i128::from(micros) + EPOCH * MICROS),
    }
}

fn instant(micros: i128) -> Value {
    Value::Time(Time::from_unix_nanos(micros * 1000))
}

/// `hh:mm:ss`, with a fraction if there is one.
pub(super) fn of_day(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let text = format!(
        "{sign}{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    match fraction {
        0 => text,
        _ => format!("{text}.{fraction:06}").trim_end_matches('0').to_owned(),
    }
}

/// The zone is in seconds west of Greenwich.
pub(super) fn of_day_with_zone(micros: i64, west: i32) -> String {
    let sign = if west > 0 { '-' } else { '+' };
    let minutes = west.unsigned_abs() / 60;
    format!("{}{sign}{:02}:{:02}", of_day(micros), minutes / 60, minutes % 60)
}

/// `1 year 2 mons 3 days 04:05:06`.
pub(super) fn interval(micros: i64, days: i32, months: i32) -> String {
    let mut parts = Vec::new();
    let mut add = |count: i32, one: &str, many: &str| match count {
        0 => {}
        1 => parts.push(format!("1 {one}")),
        _ => parts.push(format!("{count} {many}")),
    };
    add(months / 12, "year", "years");
    add(months % 12, "mon", "mons");
    add(days, "day", "days");
    if micros != 0 || parts.is_empty() {
        parts.push(of_day(micros));
    }
    parts.join(" ")
}
