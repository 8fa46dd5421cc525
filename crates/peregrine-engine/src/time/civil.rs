//! Calendar arithmetic for any year.

use crate::value::{Time, ZoneId};

/// A time taken apart in its zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Civil {
    /// Year, negative before 1 BC.
    pub year: i64,
    /// 1–12.
    pub month: u32,
    /// 1–31.
    pub day: u32,
    /// 0–23.
    pub hour: u32,
    /// 0–59.
    pub minute: u32,
    /// 0–59.
    pub second: u32,
    /// 0–999,999,999.
    pub nanos: u32,
    /// Sunday = 0.
    pub weekday: u32,
    /// 1–366.
    pub year_day: u32,
    /// Seconds east of Greenwich.
    pub offset: i32,
    /// `UTC`, `CEST`, or empty for a fixed offset.
    pub zone: String,
    /// True during daylight saving time.
    pub is_dst: bool,
}

impl Civil {
    /// Takes a time apart in its own zone.
    #[must_use]
    pub fn of(time: Time) -> Civil {
        let (offset, zone, is_dst) = offset_at(time);
        let seconds = time.unix().saturating_add(i64::from(offset));
        let days = seconds.div_euclid(86_400);
        let of_day = seconds.rem_euclid(86_400) as u32;
        let (year, month, day) = date_of(days);
        Civil {
            year,
            month,
            day,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            nanos: time.subsec_nanos(),
            weekday: (days + 4).rem_euclid(7) as u32,
            year_day: (days - days_of(year, 1, 1) + 1) as u32,
            offset,
            zone,
            is_dst,
        }
    }
}

/// Offset, abbreviation and daylight saving of a time's zone at that time.
fn offset_at(time: Time) -> (i32, String, bool) {
    if time.zone() == ZoneId::UTC {
        return (0, "UTC".into(), false);
    }
    // Outside the range of the zone database, the nearest known rule applies.
    let clamped = time
        .unix()
        .clamp(jiff::Timestamp::MIN.as_second(), jiff::Timestamp::MAX.as_second());
    let timestamp = jiff::Timestamp::from_second(clamped).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let zone = time.zone().zone();
    let info = zone.to_offset_info(timestamp);
    let fixed = zone.iana_name().is_none() && info.abbreviation().starts_with(['+', '-']);
    let name = if fixed {
        String::new()
    } else {
        info.abbreviation().to_owned()
    };
    (info.offset().seconds(), name, info.dst().is_dst())
}

/// Days since 1970-01-01 of a date of the Gregorian calendar.
#[must_use]
pub(crate) fn days_of(year: i64, month: u32, day: u32) -> i64 {
    // Years that begin in March put the leap day at the end; 400 years repeat exactly.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = i64::from((month + 9) % 12);
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The date of a day number.
fn date_of(days: i64) -> (i64, u32, u32) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    } as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The number of days in a month.
pub(crate) fn days_in_month(year: i64, month: u32) -> u32 {
    let next = if month == 12 {
        days_of(year + 1, 1, 1)
    } else {
        days_of(year, month + 1, 1)
    };
    (next - days_of(year, month, 1)) as u32
}

/// `2006-01-02T15:04:05[.fraction](Z|±hh:mm)`.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<Time> {
    let b = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<u32> {
        let digits = b.get(from..to)?;
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| digits.iter().fold(0, |n, c| n * 10 + u32::from(c - b'0')))
    };
    let at = |position: usize, c: u8| b.get(position) == Some(&c);
    if !(at(4, b'-') && at(7, b'-') && at(10, b'T') && at(13, b':') && at(16, b':')) {
        return None;
    }
    let (year, month, day) = (i64::from(number(0, 4)?), number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let valid = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    if !valid || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut position = 19;
    let mut nanos = 0;
    if at(position, b'.') {
        let digits = b[20..].iter().take_while(|c| c.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        for i in 0..9 {
            let digit = if i < digits {
                u32::from(b[20 + i] - b'0')
            } else {
                0
            };
            nanos = nanos * 10 + digit;
        }
        position = 20 + digits;
    }
    let offset = match b.get(position)? {
        b'Z' if b.len() == position + 1 => 0,
        sign @ (b'+' | b'-') if b.len() == position + 6 && at(position + 3, b':') => {
            let seconds =
                number(position + 1, position + 3)? * 3600 + number(position + 4, position + 6)? * 60;
            if *sign == b'+' {
                seconds as i32
            } else {
                -(seconds as i32)
            }
        }
        _ => return None,
    };
    let seconds = days_of(year, month, day) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    Some(Time::from_unix(seconds - i64::from(offset), nanos).in_zone(ZoneId::fixed(offset)))
}
