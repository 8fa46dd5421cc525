//! `time.star`: the functions its Starlark source, next to this file, cannot implement itself.

use std::time::{SystemTime, UNIX_EPOCH};

use peregrine_engine::prelude::{Time, ZoneId};
use peregrine_engine::time::{Civil, format_layout, parse_layout};
use starlark::environment::GlobalsBuilder;
use starlark::starlark_module;
use starlark::values::list::UnpackList;

use super::failed;

/// Units of durations, in nanoseconds.
const UNITS: [(&str, f64); 7] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

fn zone(name: &str) -> starlark::Result<ZoneId> {
    let name = if name.is_empty() { "UTC" } else { name };
    ZoneId::named(name).ok_or_else(|| failed(format!("there is no time zone `{name}`")))
}

fn nanos(time: Time) -> starlark::Result<i64> {
    i64::try_from(time.unix_nanos())
        .map_err(|_| failed("the time is too far from 1970 to be counted in nanoseconds".to_owned()))
}

fn at(nanos: i64, location: &str) -> starlark::Result<Time> {
    Ok(Time::from_unix_nanos(i128::from(nanos)).in_zone(zone(location)?))
}

/// `1h2.5s`, as nanoseconds.
fn parse_duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let (number, after) = rest.split_at(rest.find(|c| !is_number(c))?);
        let (unit, after) = after.split_at(after.find(is_number).unwrap_or(after.len()));
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total += number.parse::<f64>().ok()? * size;
        rest = after;
    }
    (!text.is_empty() && total < i64::MAX as f64).then_some((sign * total) as i64)
}

#[starlark_module]
pub(super) fn functions(builder: &mut GlobalsBuilder) {
    fn now() -> starlark::Result<i64> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    fn parts(nanos: i64, location: &str) -> starlark::Result<Vec<i64>> {
        let time = at(nanos, location)?;
        let civil = Civil::of(time);
        Ok(vec![
            civil.year,
            civil.month.into(),
            civil.day.into(),
            civil.hour.into(),
            civil.minute.into(),
            civil.second.into(),
            civil.nanos.into(),
            time.unix(),
        ])
    }

    fn of_parts(parts: UnpackList<i64>, location: &str) -> starlark::Result<i64> {
        let wrong = || failed("there is no such date or time of day".to_owned());
        let &[year, month, day, hour, minute, second] = parts.items.as_slice() else {
            return Err(wrong());
        };
        let text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
        let time = parse_layout("2006-01-02 15:04:05", &text, zone(location)?).ok_or_else(wrong)?;
        nanos(time)
    }

    fn parse(text: &str, layout: &str, location: &str) -> starlark::Result<i64> {
        let time = parse_layout(layout, text, zone(location)?);
        nanos(time.ok_or_else(|| failed(format!("`{text}` is not a time written as `{layout}`")))?)
    }

    fn format(nanos: i64, location: &str, layout: &str) -> starlark::Result<String> {
        Ok(format_layout(layout, at(nanos, location)?))
    }

    fn duration(#[starlark(require = pos)] text: &str) -> starlark::Result<i64> {
        parse_duration(text).ok_or_else(|| failed(format!("`{text}` is not a duration; write it as `1h30m`")))
    }

    fn is_zone(#[starlark(require = pos)] name: &str) -> starlark::Result<bool> {
        Ok(zone(name).is_ok())
    }
}
