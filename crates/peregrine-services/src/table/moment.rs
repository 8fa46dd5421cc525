//! Cells as times. Whatever a table shows as a time can be filtered as one: RFC 3339 in any zone, text without a zone (UTC),
//! and numbers since 1970, whose magnitude tells the unit. The rules are those of the GUI's `parseTime`.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// Longer text is not tried.
const MAX_TEXT: usize = 40;

/// A time, and whether it came from a number and so is less exact.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    at: Timestamp,
    is_number: bool,
}

impl Moment {
    pub(super) fn cmp(self, other: &Moment) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }

    /// Whether both are the same time. Numbers are compared to the millisecond, as they are shown: floats are not more precise.
    pub(super) fn is_same(self, other: Moment) -> bool {
        if self.is_number || other.is_number {
            self.at.as_nanosecond().div_euclid(1_000_000) == other.at.as_nanosecond().div_euclid(1_000_000)
        } else {
            self.at == other.at
        }
    }
}

/// Text with date, time and zone. A mere date or number is not a time here, as a person may search for it as text.
pub(super) fn of_text(text: &str) -> Option<Moment> {
    let looks_right = (20..=MAX_TEXT).contains(&text.len()) && text.starts_with(|c: char| c.is_ascii_digit());
    let at = looks_right.then(|| text.parse().ok())??;
    Some(Moment { at, is_number: false })
}

/// A cell that a table shows as a time.
pub(super) fn of_cell(cell: &Value) -> Option<Moment> {
    match cell {
        Value::Number(number) => of_number(number.as_f64()?),
        Value::String(text) if text.len() <= MAX_TEXT => {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            if is_number {
                return of_number(text.parse().ok()?);
            }
            of_text(text).or_else(|| {
                Some(Moment {
                    at: in_utc(text)?,
                    is_number: false,
                })
            })
        }
        _ => None,
    }
}

/// Text without a zone; a date means its midnight.
fn in_utc(text: &str) -> Option<Timestamp> {
    let civil: DateTime = text.parse().ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970; `None` for 0 and negative numbers.
fn of_number(number: f64) -> Option<Moment> {
    if !number.is_finite() || number <= 0.0 {
        return None;
    }
    let seconds = match number {
        n if n < 1e11 => n,
        n if n < 1e14 => n / 1e3,
        n if n < 1e17 => n / 1e6,
        n => n / 1e9,
    };
    // Rounded to microseconds: the noise of floats below that could move a time into the previous millisecond.
    let micros = SignedDuration::try_from_secs_f64(seconds).ok()?.as_nanos() + 500;
    let micros = i64::try_from(micros.div_euclid(1000)).ok()?;
    let at = Timestamp::from_microsecond(micros).ok()?;
    Some(Moment { at, is_number: true })
}
