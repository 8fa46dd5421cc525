//! Times as text.

use super::Civil;
use crate::value::{Time, ZoneId};

/// RFC 3339 in the time's zone, with up to nine fraction digits; `None` for years outside 0–9999.
#[must_use]
pub fn rfc3339(time: Time) -> Option<String> {
    let c = Civil::of(time);
    if !(0..=9999).contains(&c.year) {
        return None;
    }
    Some(format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}{}",
        c.year,
        c.month,
        c.day,
        c.hour,
        c.minute,
        c.second,
        fraction(c.nanos),
        if c.offset == 0 {
            "Z".to_owned()
        } else {
            offset_text(c.offset, ":")
        }
    ))
}

/// [`rfc3339`] in another zone.
#[must_use]
pub fn rfc3339_in(time: Time, zone: ZoneId) -> Option<String> {
    rfc3339(time.in_zone(zone))
}

/// `2006-01-02 15:04:05[.fraction] +0000 UTC`.
#[must_use]
pub fn text_form(time: Time) -> String {
    let c = Civil::of(time);
    let offset = offset_text(c.offset, "");
    let zone = if c.zone.is_empty() { offset.clone() } else { c.zone };
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}{} {offset} {zone}",
        c.year,
        c.month,
        c.day,
        c.hour,
        c.minute,
        c.second,
        fraction(c.nanos)
    )
}

/// `.5`, or nothing.
pub(crate) fn fraction(nanos: u32) -> String {
    if nanos == 0 {
        return String::new();
    }
    format!(".{nanos:09}").trim_end_matches('0').to_owned()
}

/// `+02:00`.
pub(crate) fn offset_text(offset: i32, separator: &str) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.unsigned_abs() / 60;
    format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
}
