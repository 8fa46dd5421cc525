//! Dates in any of the usual layouts.
//!
//! This is a single grammar rather than a list of layouts: an optional weekday, a date (year first, month
//! first or named month), and then, in any reasonable order, a time of day, a zone and, as in C, the year.

use parking_lot::Mutex;

use super::layout::{Parts, full_year, name, number, read_offset};
use super::member::{MONTHS, WEEKDAYS};
use super::zone::parse_zone;
use crate::scope::Scope;
use crate::value::{Time, ZoneId};

/// Longest text that is tried; dates are short.
const MAX_LEN: usize = 100;

/// Texts remembered per query.
const CACHED: usize = 200;

/// A date in one of many layouts, in the query's parse zone if it names none; `None` if it is not a date.
#[must_use]
pub fn parse(scope: &Scope, text: &[u8]) -> Option<Time> {
    let zone = parse_zone(scope);
    let cache = scope.cache("", || Cache(Mutex::new(Known::in_zone(zone))));
    {
        let mut known = cache.0.lock();
        if known.zone != zone {
            *known = Known::in_zone(zone);
        }
        if let Some(known) = known.times.get(text) {
            return *known;
        }
    }
    let parsed = std::str::from_utf8(text).ok().and_then(|text| guess(text, zone));
    if parsed.is_none() && scope.get("DEBUG").is_some_and(|debug| debug.truth(scope)) {
        scope.log_line(&format!(
            "DEBUG:unable to parse `{}` as a time",
            String::from_utf8_lossy(text)
        ));
    }
    let mut known = cache.0.lock();
    if known.times.len() >= CACHED {
        known.times.clear();
    }
    // Another thread may have changed the zone in between.
    if known.zone == zone {
        known.times.insert(text.to_vec(), parsed);
    }
    parsed
}

/// The texts a query has read.
struct Cache(Mutex<Known>);

struct Known {
    /// The zone of texts that do not name one.
    zone: ZoneId,
    times: rustc_hash::FxHashMap<Vec<u8>, Option<Time>>,
}

impl Known {
    fn in_zone(zone: ZoneId) -> Known {
        Known {
            zone,
            times: rustc_hash::FxHashMap::default(),
        }
    }
}

fn guess(text: &str, zone: ZoneId) -> Option<Time> {
    let text = text.trim();
    if text.len() > MAX_LEN {
        return None;
    }
    let mut parts = Parts {
        year: i64::MIN,
        ..Parts::default()
    };
    let mut rest = skip_weekday(text);
    rest = read_date(&mut parts, rest)?;
    let has_time = read_tail(&mut parts, rest)?;
    if parts.year == i64::MIN {
        // `Jan  2 03:04:05`, as syslog writes it, is in a year that is not given.
        if !has_time || parts.day.is_none() {
            return None;
        }
        parts.year = 0;
    }
    parts.time(zone)
}

/// `Monday, ` or `Mon `.
fn skip_weekday(text: &str) -> &str {
    let full = name(text, &WEEKDAYS, false);
    let Some((_, rest)) = full.or_else(|| name(text, &WEEKDAYS, true)) else {
        return text;
    };
    let after = rest.trim_start_matches(['.', ',', ' ']);
    if after.len() < rest.len() { after } else { text }
}

fn read_date<'t>(parts: &mut Parts, text: &'t str) -> Option<&'t str> {
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return read_month_first(parts, text);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match digits {
        4 => read_year_first(parts, text),
        6 => read_compact(parts, text),
        1 | 2 => read_day_or_month_first(parts, text, digits),
        _ => None,
    }
}

/// `2024-05-06`, `2024/05`, `2024-May-06`, `2024年05月06日`
fn read_year_first<'t>(parts: &mut Parts, text: &'t str) -> Option<&'t str> {
    let (year, rest) = number(text, 4, 4)?;
    parts.year = i64::from(year);
    if let Some(rest) = rest.strip_prefix('年') {
        let (month, rest) = number(rest, 1, 2)?;
        let (day, rest) = number(rest.strip_prefix('月')?, 1, 2)?;
        (parts.month, parts.day) = (Some(month), Some(day));
        return rest.strip_prefix('日');
    }
    let separator = rest
        .chars()
        .next()
        .filter(|c| matches!(c, '-' | '/' | ':' | '.' | ' '))?;
    let rest = &rest[1..];
    let rest = match month_name(rest) {
        Some((month, rest)) => {
            parts.month = Some(month);
            rest
        }
        None => {
            let (month, rest) = number(rest, 1, 2)?;
            parts.month = Some(month);
            rest
        }
    };
    match rest.strip_prefix(separator) {
        Some(rest) => {
            let (day, rest) = number(rest, 1, 2)?;
            parts.day = Some(day);
            Some(rest)
        }
        None => Some(rest),
    }
}

/// `yymmdd`
fn read_compact<'t>(parts: &mut Parts, text: &'t str) -> Option<&'t str> {
    let (year, rest) = number(text, 2, 2)?;
    let (month, rest) = number(rest, 2, 2)?;
    let (day, rest) = number(rest, 2, 2)?;
    parts.year = full_year(year);
    (parts.month, parts.day) = (Some(month), Some(day));
    rest.starts_with(' ').then_some(rest)
}

/// `3/5/2014` (month first), `15-Jan-2018`, `7 oct 1970`
fn read_day_or_month_first<'t>(parts: &mut Parts, text: &'t str, digits: usize) -> Option<&'t str> {
    let (first, rest) = number(text, digits, digits)?;
    let rest = skip_ordinal(rest);
    let separator = rest
        .chars()
        .next()
        .filter(|c| matches!(c, '-' | '/' | ':' | '.' | ' '))?;
    let rest = rest[1..].trim_start_matches(' ');
    if let Some((month, rest)) = month_name(rest) {
        (parts.day, parts.month) = (Some(first), Some(month));
        let rest = rest.trim_start_matches(['.', ',', ' ', '-', '/']);
        return read_year(parts, rest);
    }
    if separator == ' ' {
        return None;
    }
    let (second, rest) = number(rest, 1, 2)?;
    (parts.month, parts.day) = (Some(first), Some(second));
    read_year(parts, rest.strip_prefix(separator)?)
}

/// `May 8, 2009`, `oct. 7, '70`, `Jan _2 15:04:05 2006` (the year comes later)
fn read_month_first<'t>(parts: &mut Parts, text: &'t str) -> Option<&'t str> {
    let (month, rest) = month_name(text)?;
    parts.month = Some(month);
    let rest = rest.trim_start_matches(['.', ' ', '-']);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 4 {
        // `May 2009`
        return read_year(parts, rest);
    }
    let (day, rest) = number(rest, 1, 2)?;
    parts.day = Some(day);
    let rest = skip_ordinal(rest);
    let after = rest.trim_start_matches([',', ' ', '-', '/']);
    match read_year(parts, after) {
        Some(rest) => Some(rest),
        None => Some(rest),
    }
}

/// `2009`, `09`, `'70`; never the hour of a time.
fn read_year<'t>(parts: &mut Parts, text: &'t str) -> Option<&'t str> {
    let text = text.strip_prefix('\'').unwrap_or(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (year, rest) = number(text, digits, digits)?;
    let is_hour = rest.starts_with(':') && digits <= 2;
    parts.year = match digits {
        4 => i64::from(year),
        2 if !is_hour => full_year(year),
        _ => return None,
    };
    Some(rest)
}

fn month_name(text: &str) -> Option<(u32, &str)> {
    let (month, rest) = name(text, &MONTHS, false)
        .or_else(|| name(text, &["Sept"; 1], false).map(|(_, rest)| (8, rest)))
        .or_else(|| name(text, &MONTHS, true))?;
    (!rest.starts_with(|c: char| c.is_ascii_alphabetic())).then_some((month + 1, rest))
}

/// `1st`, `2nd`, `3rd`, `4th`
fn skip_ordinal(text: &str) -> &str {
    let ordinal = text.get(..2).is_some_and(|two| {
        ["st", "nd", "rd", "th"]
            .iter()
            .any(|o| two.eq_ignore_ascii_case(o))
    });
    if ordinal { &text[2..] } else { text }
}

/// Reads what follows the date: time of day, AM or PM, zone, comment, and the year if it has not come yet.
/// True when there is a time of day.
fn read_tail(parts: &mut Parts, text: &str) -> Option<bool> {
    let mut rest = text;
    let mut has_time = false;
    loop {
        let before = rest;
        rest = rest.trim_start_matches([' ', ',']);
        if rest.is_empty() {
            return Some(has_time);
        }
        // Go's monotonic clock reading.
        if rest.starts_with("m=") {
            return Some(has_time);
        }
        if let Some(comment) = rest.strip_prefix('(') {
            rest = &comment[comment.find(')')? + 1..];
            continue;
        }
        if !has_time {
            let start = rest.strip_prefix(['T', 't', ':']).unwrap_or(rest);
            let start = start.strip_prefix("at ").unwrap_or(start);
            if let Some(after) = read_clock(parts, start) {
                has_time = true;
                rest = after;
                continue;
            }
        }
        if let Some(after) = read_half_day(parts, rest) {
            rest = after;
            continue;
        }
        if parts.year == i64::MIN
            && let Some(after) = read_year(parts, rest)
        {
            rest = after;
            continue;
        }
        if let Some(after) = read_zone(parts, rest) {
            rest = after;
            continue;
        }
        if rest == before || rest.len() < before.len() {
            return None;
        }
    }
}

/// `15:04`, `15:04:05`, `15:04:05.999`, `15:04:05:999`, `5pm`
fn read_clock<'t>(parts: &mut Parts, text: &'t str) -> Option<&'t str> {
    let (hour, rest) = number(text, 1, 2)?;
    let Some(rest) = rest.strip_prefix(':') else {
        let half = rest.trim_start_matches(' ');
        let is_half = half
            .get(..2)
            .is_some_and(|two| two.eq_ignore_ascii_case("am") || two.eq_ignore_ascii_case("pm"));
        parts.hour = hour;
        return is_half.then_some(rest);
    };
    let (minute, rest) = number(rest, 1, 2)?;
    (parts.hour, parts.minute) = (hour, minute);
    let Some(rest) = rest.strip_prefix(':') else {
        return Some(rest);
    };
    let (second, rest) = number(rest, 1, 2)?;
    parts.second = second;
    if let Some(millis) = rest.strip_prefix(':').and_then(|rest| number(rest, 3, 3)) {
        parts.nanos = millis.0 * 1_000_000;
        return Some(millis.1);
    }
    Some(parts.fraction(rest, 0).unwrap_or(rest))
}

fn read_half_day<'t>(parts: &mut Parts, text: &'t str) -> Option<&'t str> {
    let half = text.get(..2)?;
    let rest = &text[2..];
    if parts.is_pm.is_some() || rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    parts.is_pm = Some(match half {
        half if half.eq_ignore_ascii_case("pm") => true,
        half if half.eq_ignore_ascii_case("am") => false,
        _ => return None,
    });
    Some(rest)
}

/// `Z`, `+0800`, `UTC`, `MST`, `GMT+0100`
fn read_zone<'t>(parts: &mut Parts, text: &'t str) -> Option<&'t str> {
    if let Some((offset, rest)) = read_offset(text) {
        parts.offset = Some(offset);
        return Some(rest);
    }
    let len = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (word, rest) = text.split_at(len);
    match word {
        "Z" | "z" => parts.offset = Some(0),
        _ if !(3..=5).contains(&len) || !word.bytes().all(|c| c.is_ascii_uppercase()) => return None,
        // A name after an offset only repeats the offset.
        _ if parts.offset.is_some() => {}
        "UTC" | "GMT" => parts.offset = Some(0),
        _ => parts.zone_name = Some(word.to_owned()),
    }
    if let Some((offset, rest)) = read_offset(rest) {
        parts.offset = Some(offset);
        return Some(rest);
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::guess;
    use crate::time::rfc3339;
    use crate::value::ZoneId;

    #[test]
    fn the_usual_layouts() {
        for (text, expected) in [
            ("2024-05-06", "2024-05-06T00:00:00Z"),
            ("2024-05", "2024-05-01T00:00:00Z"),
            ("2024/05/06", "2024-05-06T00:00:00Z"),
            ("2024.05.06", "2024-05-06T00:00:00Z"),
            ("2024:05:06 10:11:12", "2024-05-06T10:11:12Z"),
            ("2024-May-06", "2024-05-06T00:00:00Z"),
            ("2024年05月06日", "2024-05-06T00:00:00Z"),
            ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z"),
            ("2020-01-02 03:04:05.25", "2020-01-02T03:04:05.25Z"),
            ("2020-01-02 03:04:05,250 +0200", "2020-01-02T03:04:05.25+02:00"),
            ("2020-01-02T03:04", "2020-01-02T03:04:00Z"),
            ("2020-01-02 03:04:05 PM", "2020-01-02T15:04:05Z"),
            ("2020-01-02T03:04:05.5+02:00", "2020-01-02T03:04:05.5+02:00"),
            (
                "2020-01-02 03:04:05 +0200 CEST m=+0.1",
                "2020-01-02T03:04:05+02:00",
            ),
            ("2024-05-06+08:00", "2024-05-06T00:00:00+08:00"),
            ("3/5/2014", "2014-03-05T00:00:00Z"),
            ("03/05/14 10:11", "2014-03-05T10:11:00Z"),
            ("3.5.2014", "2014-03-05T00:00:00Z"),
            ("May 8, 2009 5:57:51 PM", "2009-05-08T17:57:51Z"),
            (
                "September 17th, 2012 at 10:09am PST-08",
                "2012-09-17T10:09:00-08:00",
            ),
            ("oct. 7, '70", "1970-10-07T00:00:00Z"),
            ("7 oct 1970", "1970-10-07T00:00:00Z"),
            ("03 February 2013", "2013-02-03T00:00:00Z"),
            ("12 Feb 2006, 19:17", "2006-02-12T19:17:00Z"),
            ("15-Jan-2018", "2018-01-15T00:00:00Z"),
            ("06/Jan/2008:15:04:05 -0700", "2008-01-06T15:04:05-07:00"),
            ("Mon, 02 Jan 2006 15:04:05 MST", "2006-01-02T15:04:05Z"),
            ("Thu, 02 Jan 2020 03:04:05 +0200", "2020-01-02T03:04:05+02:00"),
            (
                "Tue, 11 Jul 2017 16:28:13 +0200 (CEST)",
                "2017-07-11T16:28:13+02:00",
            ),
            ("Monday, 02-Jan-06 15:04:05 MST", "2006-01-02T15:04:05Z"),
            ("Mon Jan  2 15:04:05 2006", "2006-01-02T15:04:05Z"),
            ("Mon Jan  2 15:04:05 MST 2006", "2006-01-02T15:04:05Z"),
            (
                "Fri Jul 03 2015 18:04:07 GMT+0100 (GMT Daylight Time)",
                "2015-07-03T18:04:07+01:00",
            ),
            ("Mon 30 Sep 2018 09:09:09 PM UTC", "2018-09-30T21:09:09Z"),
            ("140722 10:11:12", "2014-07-22T10:11:12Z"),
            ("Jan 2 2006 3:04PM", "2006-01-02T15:04:00Z"),
            ("Jan  2 03:04:05", "0000-01-02T03:04:05Z"),
            ("Feb 29 23:59:59", "0000-02-29T23:59:59Z"),
        ] {
            let parsed = guess(text, ZoneId::UTC).and_then(rfc3339);
            assert_eq!(parsed.as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn nonsense() {
        for text in [
            "",
            "junk",
            "2020-13-01",
            "31/12/2021",
            "12:30",
            "hello 2020-01-02",
            "2020-01-02 x",
            "5",
            "May",
            "Jan 2",
        ] {
            assert_eq!(guess(text, ZoneId::UTC), None, "{text}");
        }
    }
}
