//! Functions over times.

use gotmpl::{Result, Value};
use peregrine_engine::prelude as vql;
use peregrine_engine::time::{format_layout, parse_layout};
use vql::{Time, ZoneId};

use super::args::{arg, exactly, int, text, text_at};
use super::bridge::{Bridge, fail, string};

/// The format of a day in HTML.
const HTML_DAY: &str = "2006-01-02";
const SECOND: i128 = 1_000_000_000;

pub(super) const ALL: super::Table = &[
    ("now", |bridge, _| show(bridge, bridge.scope().clock().now())),
    ("date", |bridge, args| {
        let [layout, time] = exactly(args)?;
        formatted(&text(layout), when(bridge, time), ZoneId::local())
    }),
    ("date_in_zone", in_zone),
    ("dateInZone", in_zone),
    ("htmlDate", |bridge, args| {
        formatted(HTML_DAY, when(bridge, arg(args, 0)?), ZoneId::local())
    }),
    ("htmlDateInZone", |bridge, args| {
        let [time, zone] = exactly(args)?;
        formatted(HTML_DAY, when(bridge, time), zone_of(zone))
    }),
    ("unixEpoch", |bridge, args| {
        Ok(string(when(bridge, arg(args, 0)?).unix().to_string()))
    }),
    ("ago", |bridge, args| {
        let passed = bridge.scope().clock().now().unix_nanos() - when(bridge, arg(args, 0)?).unix_nanos();
        Ok(string(duration_text(
            (passed + SECOND / 2).div_euclid(SECOND) * SECOND,
        )))
    }),
    ("duration", |_, args| {
        Ok(string(duration_text(i128::from(int(arg(args, 0)?)) * SECOND)))
    }),
    ("durationRound", |bridge, args| {
        let value = arg(args, 0)?;
        let nanos = match bridge.value(value) {
            vql::Value::Str(text) => duration(&text.as_utf8_lossy()).unwrap_or(0),
            vql::Value::Time(time) => bridge.scope().clock().now().unix_nanos() - time.unix_nanos(),
            _ => i128::from(int(value)),
        };
        Ok(string(rounded(nanos)))
    }),
    ("date_modify", modify),
    ("dateModify", modify),
    ("must_date_modify", must_modify),
    ("mustDateModify", must_modify),
    ("toDate", |bridge, args| match parsed(args)? {
        Some(time) => show(bridge, time),
        None => show(bridge, Time::ZERO),
    }),
    ("mustToDate", |bridge, args| match parsed(args)? {
        Some(time) => show(bridge, time),
        None => Err(fail(format!(
            "`{}` is not a time of the layout `{}`",
            text_at(args, 1)?,
            text_at(args, 0)?
        ))),
    }),
];

fn show(bridge: &Bridge, time: Time) -> Result<Value> {
    bridge.show(&vql::Value::Time(time))
}

/// The time that a value represents: a time, or seconds since 1970; otherwise now.
fn when(bridge: &Bridge, value: &Value) -> Time {
    match bridge.value(value) {
        vql::Value::Time(time) => time,
        number @ (vql::Value::Int(_) | vql::Value::UInt(_)) => {
            Time::from_unix(number.as_i64().unwrap_or(0), 0)
        }
        _ => bridge.scope().clock().now(),
    }
}

fn zone_of(value: &Value) -> ZoneId {
    match &*text(value) {
        "Local" => ZoneId::local(),
        name => ZoneId::named(name).unwrap_or_else(|| ZoneId::fixed(0)),
    }
}

fn formatted(layout: &str, time: Time, zone: ZoneId) -> Result<Value> {
    Ok(string(format_layout(layout, time.in_zone(zone))))
}

fn in_zone(bridge: &Bridge, args: &[Value]) -> Result<Value> {
    let [layout, time, zone] = exactly(args)?;
    formatted(&text(layout), when(bridge, time), zone_of(zone))
}

fn modify(bridge: &Bridge, args: &[Value]) -> Result<Value> {
    must_modify(bridge, args).or_else(|_| arg(args, 1).cloned())
}

fn must_modify(bridge: &Bridge, args: &[Value]) -> Result<Value> {
    let [change, time] = exactly(args)?;
    let text = text(change);
    let nanos =
        duration(&text).ok_or_else(|| fail(format!("`{text}` is not a duration such as `-1h30m`")))?;
    let time = when(bridge, time);
    show(
        bridge,
        Time::from_unix_nanos(time.unix_nanos().saturating_add(nanos)).in_zone(time.zone()),
    )
}

fn parsed(args: &[Value]) -> Result<Option<Time>> {
    let [layout, text] = exactly(args)?;
    Ok(parse_layout(
        &super::args::text(layout),
        &super::args::text(text),
        ZoneId::local(),
    ))
}

const UNITS: [(&str, i128); 7] = [
    ("ns", 1),
    ("us", 1000),
    ("µs", 1000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3600 * SECOND),
];

/// The nanoseconds in `1h30m`, `-1.5h`, `300ms`.
fn duration(text: &str) -> Option<i128> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0i128;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let amount = number.parse::<f64>().ok()? * *size as f64;
        total = total.checked_add(amount as i128)?;
        rest = after;
    }
    (!text.is_empty()).then_some(sign * total)
}

/// `1h2m3s`, as Go writes durations.
fn duration_text(nanos: i128) -> String {
    let seconds = nanos.unsigned_abs() / SECOND.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, _) => format!("{sign}{minutes}m{seconds}s"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// Only the largest unit: `2h`, `3mo`.
fn rounded(nanos: i128) -> String {
    let seconds = nanos.unsigned_abs() / SECOND.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let units = [
        (31_536_000, "y"),
        (2_592_000, "mo"),
        (86_400, "d"),
        (3600, "h"),
        (60, "m"),
        (1, "s"),
    ];
    units.iter().find(|(size, _)| seconds >= *size).map_or_else(
        || "0s".to_owned(),
        |(size, name)| format!("{sign}{}{name}", seconds / size),
    )
}
