//! Values of MySQL: text when a query has no arguments, binary when it has some.

use jiff::civil::DateTime;
use mysql_async::Column;
use mysql_async::Value as Raw;
use mysql_async::consts::ColumnType;
use peregrine_engine::json;
use peregrine_engine::prelude::*;

use super::settings::Clock;

/// The value of a column.
pub(super) fn value(column: &Column, raw: Raw, clock: Clock) -> Value {
    match raw {
        Raw::NULL => Value::Null,
        Raw::Int(number) => Value::from(number),
        Raw::UInt(number) => Value::from(number),
        Raw::Float(number) => Value::from(number.to_string().parse::<f64>().unwrap_or(f64::from(number))),
        Raw::Double(number) => Value::from(number),
        Raw::Bytes(bytes) => from_text(column, &bytes, clock),
        Raw::Date(year, month, day, hour, minute, second, micros) => {
            let is_date = is_date(column);
            let date = format!("{year:04}-{month:02}-{day:02}");
            let text = match is_date {
                true => date,
                false => with_fraction(format!("{date} {hour:02}:{minute:02}:{second:02}"), micros),
            };
            time(column, &text, clock)
        }
        Raw::Time(is_negative, days, hours, minutes, seconds, micros) => {
            let sign = if is_negative { "-" } else { "" };
            let hours = u64::from(days) * 24 + u64::from(hours);
            let text = format!("{sign}{hours:02}:{minutes:02}:{seconds:02}");
            Value::str(with_fraction(text, micros).as_str())
        }
    }
}

fn with_fraction(text: String, micros: u32) -> String {
    match micros {
        0 => text,
        _ => format!("{text}.{micros:06}"),
    }
}

fn is_date(column: &Column) -> bool {
    use ColumnType::{MYSQL_TYPE_DATE, MYSQL_TYPE_NEWDATE};
    matches!(column.column_type(), MYSQL_TYPE_DATE | MYSQL_TYPE_NEWDATE)
}

fn from_text(column: &Column, bytes: &[u8], clock: Clock) -> Value {
    use ColumnType::*;
    let text = std::str::from_utf8(bytes);
    let as_it_is = || Value::str(bytes);
    match column.column_type() {
        MYSQL_TYPE_TINY | MYSQL_TYPE_SHORT | MYSQL_TYPE_LONG | MYSQL_TYPE_LONGLONG | MYSQL_TYPE_INT24
        | MYSQL_TYPE_YEAR => {
            let text = text.unwrap_or_default();
            let number = text.parse::<i64>().map(Value::from);
            number
                .or_else(|_| text.parse::<u64>().map(Value::from))
                .unwrap_or_else(|_| as_it_is())
        }
        MYSQL_TYPE_FLOAT | MYSQL_TYPE_DOUBLE => {
            let number = text.unwrap_or_default().parse::<f64>();
            number.map_or_else(|_| as_it_is(), Value::from)
        }
        MYSQL_TYPE_BIT if bytes.len() <= 8 => Value::from(
            bytes
                .iter()
                .fold(0u64, |number, byte| number << 8 | u64::from(*byte)),
        ),
        MYSQL_TYPE_DATE
        | MYSQL_TYPE_NEWDATE
        | MYSQL_TYPE_DATETIME
        | MYSQL_TYPE_DATETIME2
        | MYSQL_TYPE_TIMESTAMP
        | MYSQL_TYPE_TIMESTAMP2 => text.map_or_else(|_| as_it_is(), |text| time(column, text, clock)),
        // JSON that is nested too deeply stays text.
        MYSQL_TYPE_JSON => json::parse(bytes).unwrap_or_else(|_| as_it_is()),
        _ => as_it_is(),
    }
}

/// A time in its effective zone; the zero date, which is not a date, is NULL.
fn time(column: &Column, text: &str, clock: Clock) -> Value {
    use ColumnType::{MYSQL_TYPE_TIMESTAMP, MYSQL_TYPE_TIMESTAMP2};
    if !clock.are_times {
        return Value::str(text);
    }
    let (year_month_day, _) = text.split_at_checked(10).unwrap_or((text, ""));
    if year_month_day
        .split('-')
        .any(|part| part.bytes().all(|byte| byte == b'0'))
    {
        return Value::Null;
    }
    let is_instant = matches!(column.column_type(), MYSQL_TYPE_TIMESTAMP | MYSQL_TYPE_TIMESTAMP2);
    let zone = match is_instant && !clock.has_session_zone {
        true => jiff::tz::TimeZone::UTC,
        false => clock.zone.zone(),
    };
    let zoned = text.parse::<DateTime>().and_then(|civil| civil.to_zoned(zone));
    match zoned {
        Ok(zoned) => {
            let nanos = zoned.timestamp().as_nanosecond();
            Value::Time(Time::from_unix_nanos(nanos).in_zone(clock.zone))
        }
        Err(_) => Value::str(text),
    }
}
