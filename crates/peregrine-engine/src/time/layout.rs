//! Go's time layouts: how the moment Mon Jan 2 15:04:05 MST 2006 would be written.

use super::Civil;
use super::civil::{days_in_month, days_of};
use super::member::{MONTHS, WEEKDAYS};
use super::show::offset_text;
use super::zone_offset_at;
use crate::value::{Time, ZoneId};

/// A piece of a layout.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Piece<'l> {
    Text(&'l str),
    Year,
    ShortYear,
    Month {
        width: usize,
    },
    MonthName,
    ShortMonthName,
    Day {
        width: usize,
        pad: u8,
    },
    YearDay {
        pad: u8,
    },
    Weekday,
    ShortWeekday,
    Hour24,
    Hour12 {
        width: usize,
    },
    Minute {
        width: usize,
    },
    Second {
        width: usize,
    },
    /// `.000` (fixed) or `.999` (trimmed).
    Fraction {
        separator: char,
        digits: usize,
        fixed: bool,
    },
    HalfDay {
        upper: bool,
    },
    ZoneName,
    Offset {
        z_for_utc: bool,
        colons: bool,
        minutes: bool,
        seconds: bool,
    },
}

/// Literal tokens, longest first where one begins another.
const TOKENS: &[(&str, Piece<'static>)] = &[
    ("January", Piece::MonthName),
    ("Jan", Piece::ShortMonthName),
    ("Monday", Piece::Weekday),
    ("Mon", Piece::ShortWeekday),
    ("MST", Piece::ZoneName),
    ("2006", Piece::Year),
    ("__2", Piece::YearDay { pad: b' ' }),
    ("_2", Piece::Day { width: 2, pad: b' ' }),
    ("002", Piece::YearDay { pad: b'0' }),
    ("01", Piece::Month { width: 2 }),
    ("02", Piece::Day { width: 2, pad: b'0' }),
    ("03", Piece::Hour12 { width: 2 }),
    ("04", Piece::Minute { width: 2 }),
    ("05", Piece::Second { width: 2 }),
    ("06", Piece::ShortYear),
    ("15", Piece::Hour24),
    ("PM", Piece::HalfDay { upper: true }),
    ("pm", Piece::HalfDay { upper: false }),
    (
        "-07:00:00",
        Piece::Offset {
            z_for_utc: false,
            colons: true,
            minutes: true,
            seconds: true,
        },
    ),
    (
        "-07:00",
        Piece::Offset {
            z_for_utc: false,
            colons: true,
            minutes: true,
            seconds: false,
        },
    ),
    (
        "-070000",
        Piece::Offset {
            z_for_utc: false,
            colons: false,
            minutes: true,
            seconds: true,
        },
    ),
    (
        "-0700",
        Piece::Offset {
            z_for_utc: false,
            colons: false,
            minutes: true,
            seconds: false,
        },
    ),
    (
        "-07",
        Piece::Offset {
            z_for_utc: false,
            colons: false,
            minutes: false,
            seconds: false,
        },
    ),
    (
        "Z07:00:00",
        Piece::Offset {
            z_for_utc: true,
            colons: true,
            minutes: true,
            seconds: true,
        },
    ),
    (
        "Z07:00",
        Piece::Offset {
            z_for_utc: true,
            colons: true,
            minutes: true,
            seconds: false,
        },
    ),
    (
        "Z070000",
        Piece::Offset {
            z_for_utc: true,
            colons: false,
            minutes: true,
            seconds: true,
        },
    ),
    (
        "Z0700",
        Piece::Offset {
            z_for_utc: true,
            colons: false,
            minutes: true,
            seconds: false,
        },
    ),
    (
        "Z07",
        Piece::Offset {
            z_for_utc: true,
            colons: false,
            minutes: false,
            seconds: false,
        },
    ),
    ("1", Piece::Month { width: 1 }),
    ("2", Piece::Day { width: 1, pad: b'0' }),
    ("3", Piece::Hour12 { width: 1 }),
    ("4", Piece::Minute { width: 1 }),
    ("5", Piece::Second { width: 1 }),
];

/// The layout of a name such as `RFC3339`.
#[must_use]
pub fn named_layout(name: &str) -> Option<&'static str> {
    Some(match name {
        "Layout" => "01/02 03:04:05PM '06 -0700",
        "ANSIC" => "Mon Jan _2 15:04:05 2006",
        "UnixDate" => "Mon Jan _2 15:04:05 MST 2006",
        "RubyDate" => "Mon Jan 02 15:04:05 -0700 2006",
        "RFC822" => "02 Jan 06 15:04 MST",
        "RFC822Z" => "02 Jan 06 15:04 -0700",
        "RFC850" => "Monday, 02-Jan-06 15:04:05 MST",
        "RFC1123" => "Mon, 02 Jan 2006 15:04:05 MST",
        "RFC1123Z" => "Mon, 02 Jan 2006 15:04:05 -0700",
        "RFC3339" => "2006-01-02T15:04:05Z07:00",
        "RFC3339Nano" => "2006-01-02T15:04:05.999999999Z07:00",
        "Kitchen" => "3:04PM",
        "Stamp" => "Jan _2 15:04:05",
        "StampMilli" => "Jan _2 15:04:05.000",
        "StampMicro" => "Jan _2 15:04:05.000000",
        "StampNano" => "Jan _2 15:04:05.000000000",
        "DateTime" => "2006-01-02 15:04:05",
        "DateOnly" => "2006-01-02",
        "TimeOnly" => "15:04:05",
        _ => return None,
    })
}

/// The next piece of a layout, and the rest.
fn next_piece(layout: &str) -> (Piece<'_>, &str) {
    if let Some(found) = token_at(layout) {
        return found;
    }
    let literal = layout
        .char_indices()
        .skip(1)
        .map(|(at, _)| at)
        .find(|at| token_at(&layout[*at..]).is_some());
    let (text, rest) = layout.split_at(literal.unwrap_or(layout.len()));
    (Piece::Text(text), rest)
}

fn token_at(layout: &str) -> Option<(Piece<'_>, &str)> {
    if let Some(separator) = layout.chars().next().filter(|c| matches!(c, '.' | ',')) {
        let rest = &layout[1..];
        let kind = rest.chars().next().filter(|c| matches!(c, '0' | '9'))?;
        let digits = rest.chars().take_while(|c| *c == kind).count();
        let after = &rest[digits..];
        if after.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        return Some((
            Piece::Fraction {
                separator,
                digits,
                fixed: kind == '0',
            },
            after,
        ));
    }
    let (token, piece) = TOKENS.iter().find(|(token, _)| layout.starts_with(token))?;
    let after = &layout[token.len()..];
    // `Janet` does not contain a month.
    if *piece == Piece::ShortMonthName && after.starts_with(|c: char| c.is_ascii_lowercase()) {
        return None;
    }
    Some((*piece, after))
}

/// The time in the given layout, in its own zone.
#[must_use]
pub fn format_layout(layout: &str, time: Time) -> String {
    let c = Civil::of(time);
    let mut out = String::new();
    let mut rest = layout;
    while !rest.is_empty() {
        let (piece, after) = next_piece(rest);
        rest = after;
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Year => out.push_str(&format!("{:04}", c.year)),
            Piece::ShortYear => out.push_str(&format!("{:02}", c.year.rem_euclid(100))),
            Piece::Month { width } => out.push_str(&format!("{:0width$}", c.month)),
            Piece::MonthName => out.push_str(month_name(c.month)),
            Piece::ShortMonthName => out.push_str(&month_name(c.month)[..3]),
            Piece::Day { width, pad: b' ' } => out.push_str(&format!("{:width$}", c.day)),
            Piece::Day { width, .. } => out.push_str(&format!("{:0width$}", c.day)),
            Piece::YearDay { pad: b' ' } => out.push_str(&format!("{:3}", c.year_day)),
            Piece::YearDay { .. } => out.push_str(&format!("{:03}", c.year_day)),
            Piece::Weekday => out.push_str(weekday_name(c.weekday)),
            Piece::ShortWeekday => out.push_str(&weekday_name(c.weekday)[..3]),
            Piece::Hour24 => out.push_str(&format!("{:02}", c.hour)),
            Piece::Hour12 { width } => out.push_str(&format!("{:0width$}", (c.hour + 11) % 12 + 1)),
            Piece::Minute { width } => out.push_str(&format!("{:0width$}", c.minute)),
            Piece::Second { width } => out.push_str(&format!("{:0width$}", c.second)),
            Piece::Fraction {
                separator,
                digits,
                fixed,
            } => {
                let all = format!("{:09}", c.nanos);
                let shown = all.get(..digits.min(9)).unwrap_or(&all);
                let shown = if fixed { shown } else { shown.trim_end_matches('0') };
                if !shown.is_empty() {
                    out.push(separator);
                    out.push_str(shown);
                }
            }
            Piece::HalfDay { upper } => out.push_str(match (c.hour >= 12, upper) {
                (true, true) => "PM",
                (true, false) => "pm",
                (false, true) => "AM",
                (false, false) => "am",
            }),
            Piece::ZoneName if c.zone.is_empty() => out.push_str(&offset_text(c.offset, "")),
            Piece::ZoneName => out.push_str(&c.zone),
            Piece::Offset { z_for_utc: true, .. } if c.offset == 0 => out.push('Z'),
            Piece::Offset {
                colons,
                minutes,
                seconds,
                ..
            } => {
                let colon = if colons { ":" } else { "" };
                let text = offset_text(c.offset, colon);
                out.push_str(if minutes {
                    &text
                } else {
                    text.get(..3).unwrap_or(&text)
                });
                if seconds {
                    out.push_str(&format!("{colon}{:02}", c.offset.unsigned_abs() % 60));
                }
            }
        }
    }
    out
}

/// Reads text written in the layout; strict. Without a zone in the text it is in `zone`.
#[must_use]
pub fn parse_layout(layout: &str, text: &str, zone: ZoneId) -> Option<Time> {
    let mut parts = Parts::default();
    let (mut layout, mut text) = (layout, text);
    while !layout.is_empty() {
        let (piece, after) = next_piece(layout);
        layout = after;
        text = parts.read(piece, text)?;
    }
    if text.is_empty() { parts.time(zone) } else { None }
}

/// The parts of a time read so far. Without a year, the year is 0, as in Go.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) year: i64,
    pub(super) month: Option<u32>,
    pub(super) day: Option<u32>,
    pub(super) year_day: Option<u32>,
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) second: u32,
    pub(super) nanos: u32,
    pub(super) is_pm: Option<bool>,
    pub(super) offset: Option<i32>,
    pub(super) zone_name: Option<String>,
}

impl Parts {
    fn read<'t>(&mut self, piece: Piece<'_>, text: &'t str) -> Option<&'t str> {
        match piece {
            Piece::Text(literal) => return text.strip_prefix(literal),
            Piece::Year => return number(text, 4, 4).map(|(n, rest)| (self.year = i64::from(n), rest).1),
            Piece::ShortYear => {
                let (n, rest) = number(text, 2, 2)?;
                self.year = full_year(n);
                return Some(rest);
            }
            Piece::Month { width } => return set(number(text, width, 2)?, |n| self.month = Some(n)),
            Piece::MonthName => return set(name(text, &MONTHS, false)?, |n| self.month = Some(n + 1)),
            Piece::ShortMonthName => return set(name(text, &MONTHS, true)?, |n| self.month = Some(n + 1)),
            Piece::Day { width, pad } => {
                let text = if pad == b' ' || width == 1 {
                    text.trim_start_matches(' ')
                } else {
                    text
                };
                let min = if pad == b' ' { 1 } else { width };
                return set(number(text, min, 2)?, |n| self.day = Some(n));
            }
            Piece::YearDay { .. } => {
                return set(number(text.trim_start_matches(' '), 1, 3)?, |n| {
                    self.year_day = Some(n)
                });
            }
            Piece::Weekday => return set(name(text, &WEEKDAYS, false)?, |_| {}),
            Piece::ShortWeekday => return set(name(text, &WEEKDAYS, true)?, |_| {}),
            Piece::Hour24 => return set(number(text, 1, 2)?, |n| self.hour = n),
            Piece::Hour12 { width } => return set(number(text, width, 2)?, |n| self.hour = n),
            Piece::Minute { width } => return set(number(text, width, 2)?, |n| self.minute = n),
            Piece::Second { width } => {
                let rest = set(number(text, width, 2)?, |n| self.second = n)?;
                // A fraction may follow the seconds even if the layout has none.
                return Some(self.fraction(rest, 0).unwrap_or(rest));
            }
            Piece::Fraction {
                digits, fixed: true, ..
            } => {
                return if text.starts_with(['.', ',']) {
                    self.fraction(text, digits)
                } else {
                    // Already read with the seconds.
                    Some(text)
                };
            }
            Piece::Fraction { .. } => return Some(self.fraction(text, 0).unwrap_or(text)),
            Piece::HalfDay { .. } => {
                let half = text.get(..2)?;
                self.is_pm = Some(match half {
                    "PM" | "pm" => true,
                    "AM" | "am" => false,
                    _ => return None,
                });
                return text.get(2..);
            }
            Piece::ZoneName => {
                let len = text.bytes().take_while(u8::is_ascii_uppercase).count();
                if !(3..=5).contains(&len) {
                    return None;
                }
                self.zone_name = Some(text[..len].to_owned());
                return Some(&text[len..]);
            }
            Piece::Offset { z_for_utc, .. } => {
                if z_for_utc && let Some(rest) = text.strip_prefix('Z') {
                    self.offset = Some(0);
                    return Some(rest);
                }
            }
        }
        let (offset, rest) = read_offset(text)?;
        self.offset = Some(offset);
        Some(rest)
    }

    /// `.5`: digits after a point or comma; exactly `exactly` digits unless it is 0.
    pub(super) fn fraction<'t>(&mut self, text: &'t str, exactly: usize) -> Option<&'t str> {
        let rest = text.strip_prefix(['.', ','])?;
        let len = rest.bytes().take_while(u8::is_ascii_digit).count();
        if len == 0 || (exactly > 0 && len != exactly) {
            return None;
        }
        let digits = &rest[..len.min(9)];
        self.nanos = format!("{digits:0<9}").parse().ok()?;
        Some(&rest[len..])
    }

    pub(super) fn time(&self, zone: ZoneId) -> Option<Time> {
        let hour = match (self.is_pm, self.hour) {
            (None, hour) => hour,
            (Some(_), hour) if hour > 12 => return None,
            (Some(true), hour) => hour % 12 + 12,
            (Some(false), hour) => hour % 12,
        };
        if hour > 23 || self.minute > 59 || self.second > 59 {
            return None;
        }
        let days = match (self.year_day, self.month, self.day) {
            (Some(day), None, None) if (1..=366).contains(&day) => {
                days_of(self.year, 1, 1) + i64::from(day) - 1
            }
            (_, month, day) => {
                let (month, day) = (month.unwrap_or(1), day.unwrap_or(1));
                if !(1..=12).contains(&month) || !(1..=days_in_month(self.year, month)).contains(&day) {
                    return None;
                }
                days_of(self.year, month, day)
            }
        };
        let local = days * 86_400 + i64::from(hour * 3600 + self.minute * 60 + self.second);
        if let Some(offset) = self.offset {
            let time = Time::from_unix(local - i64::from(offset), self.nanos);
            return Some(time.in_zone(ZoneId::fixed(offset)));
        }
        if let Some(name) = &self.zone_name {
            // An abbreviation has a known offset only if it belongs to the zone.
            let here =
                Time::from_unix(local - i64::from(zone_offset_at(zone, local)), self.nanos).in_zone(zone);
            return Some(if Civil::of(here).zone == *name {
                here
            } else {
                Time::from_unix(local, self.nanos)
            });
        }
        let offset = zone_offset_at(zone, local);
        Some(Time::from_unix(local - i64::from(offset), self.nanos).in_zone(zone))
    }
}

/// `+0800`, `+08:00`, `+08`, optionally with seconds.
pub(super) fn read_offset(text: &str) -> Option<(i32, &str)> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, mut rest) = number(&text[1..], 2, 2)?;
    let mut seconds = hours * 3600;
    for unit in [60, 1] {
        let next = rest.strip_prefix(':').unwrap_or(rest);
        let Some((n, after)) = number(next, 2, 2) else {
            break;
        };
        seconds += n * unit;
        rest = after;
    }
    (hours <= 24).then_some((sign * seconds as i32, rest))
}

pub(super) fn full_year(short: u32) -> i64 {
    i64::from(if short >= 69 { 1900 + short } else { 2000 + short })
}

/// `min` to `max` digits.
pub(super) fn number(text: &str, min: usize, max: usize) -> Option<(u32, &str)> {
    let len = text.bytes().take(max).take_while(u8::is_ascii_digit).count();
    if len < min {
        return None;
    }
    Some((text[..len].parse().ok()?, &text[len..]))
}

/// The index of the name the text begins with, ignoring case.
pub(super) fn name<'t>(text: &'t str, names: &[&str], short: bool) -> Option<(u32, &'t str)> {
    names.iter().enumerate().find_map(|(i, name)| {
        let name = if short { &name[..3] } else { name };
        let start = text.get(..name.len())?;
        start
            .eq_ignore_ascii_case(name)
            .then(|| (i as u32, &text[name.len()..]))
    })
}

fn set((n, rest): (u32, &str), take: impl FnOnce(u32)) -> Option<&str> {
    take(n);
    Some(rest)
}

fn month_name(month: u32) -> &'static str {
    MONTHS
        .get(month.wrapping_sub(1) as usize)
        .copied()
        .unwrap_or("January")
}

fn weekday_name(weekday: u32) -> &'static str {
    WEEKDAYS.get(weekday as usize).copied().unwrap_or("Sunday")
}

#[cfg(test)]
mod tests {
    use super::{format_layout, named_layout, parse_layout};
    use crate::time::rfc3339;
    use crate::value::{Time, ZoneId};

    #[test]
    fn formats_every_named_layout() {
        let time = Time::from_unix(1_136_239_445, 123_456_789).in_zone(ZoneId::fixed(-7 * 3600));
        for (name, expected) in [
            ("Layout", "01/02 03:04:05PM '06 -0700"),
            ("ANSIC", "Mon Jan  2 15:04:05 2006"),
            ("RFC822", "02 Jan 06 15:04 -0700"),
            ("RFC850", "Monday, 02-Jan-06 15:04:05 -0700"),
            ("RFC3339Nano", "2006-01-02T15:04:05.123456789-07:00"),
            ("Kitchen", "3:04PM"),
            ("StampMilli", "Jan  2 15:04:05.123"),
            ("DateOnly", "2006-01-02"),
        ] {
            assert_eq!(
                format_layout(named_layout(name).unwrap(), time),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn parses() {
        for (layout, text, expected) in [
            ("2006-01-02", "2024-02-29", Some("2024-02-29T00:00:00Z")),
            ("2006-01-02", "2023-02-29", None),
            (
                "Mon, 02 Jan 2006 15:04:05 -0700",
                "Thu, 02 Jan 2020 03:04:05 +0200",
                Some("2020-01-02T03:04:05+02:00"),
            ),
            ("2/1/06 3:04pm", "31/12/21 8:05pm", Some("2021-12-31T20:05:00Z")),
            ("15:04:05", "10:11:12.5", Some("0000-01-01T10:11:12.5Z")),
            ("2006 002", "2024 060", Some("2024-02-29T00:00:00Z")),
        ] {
            let parsed = parse_layout(layout, text, ZoneId::UTC).and_then(rfc3339);
            assert_eq!(parsed.as_deref(), expected, "{text}");
        }
    }
}
