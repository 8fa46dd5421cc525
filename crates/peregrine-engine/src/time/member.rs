//! Members of a time.

use std::any::Any;

use super::{Civil, rfc3339};
use crate::scope::Scope;
use crate::value::{Object, Packed, Str, Time, Value, ZoneId};

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(crate) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// `time.Name`; `None` for other names.
#[must_use]
pub fn member(time: Time, name: &[u8]) -> Option<Value> {
    let civil = || Civil::of(time);
    Some(match name {
        b"Unix" => Value::from(time.unix()),
        b"UnixMilli" => nanos(time, 1_000_000),
        b"UnixMicro" => nanos(time, 1_000),
        b"UnixNano" => nanos(time, 1),
        b"Year" => Value::from(civil().year),
        b"Month" => Value::object(Named::month(civil().month)),
        b"Day" => Value::from(civil().day),
        b"Hour" => Value::from(civil().hour),
        b"Minute" => Value::from(civil().minute),
        b"Second" => Value::from(civil().second),
        b"Nanosecond" => Value::from(time.subsec_nanos()),
        b"YearDay" => Value::from(civil().year_day),
        b"Weekday" => Value::object(Named::weekday(civil().weekday)),
        b"ISOWeek" => Value::from(iso_year(&civil())),
        b"Zone" => Value::from(civil().zone),
        b"UTC" => Value::Time(time.in_zone(ZoneId::UTC)),
        b"IsDST" => Value::Bool(civil().is_dst),
        b"IsZero" => Value::Bool(time.is_zero()),
        b"String" => {
            let whole = Time::from_unix(time.unix(), 0);
            rfc3339(whole).map_or(Value::Null, Value::from)
        }
        _ => return None,
    })
}

fn nanos(time: Time, per: i128) -> Value {
    Value::Int(time.unix_nanos().div_euclid(per) as i64)
}

/// The year of the ISO week: that of its Thursday.
fn iso_year(civil: &Civil) -> i64 {
    let from_monday = i64::from((civil.weekday + 6) % 7);
    let thursday = i64::from(civil.year_day) + 3 - from_monday;
    let days = super::civil::days_of(civil.year + 1, 1, 1) - super::civil::days_of(civil.year, 1, 1);
    match thursday {
        day if day < 1 => civil.year - 1,
        day if day > days => civil.year + 1,
        _ => civil.year,
    }
}

/// A month or weekday: a number that also has a name.
#[derive(Debug, Clone, Copy)]
struct Named {
    number: u32,
    first: u32,
    names: &'static [&'static str],
    kind: &'static str,
}

impl Named {
    fn month(number: u32) -> Named {
        Named {
            number,
            first: 1,
            names: &MONTHS,
            kind: "time.Month",
        }
    }

    fn weekday(number: u32) -> Named {
        Named {
            number,
            first: 0,
            names: &WEEKDAYS,
            kind: "time.Weekday",
        }
    }
}

impl Object for Named {
    fn type_name(&self) -> &'static str {
        self.kind
    }

    fn member(&self, _: &Scope, name: &str) -> Option<Value> {
        let position = self.number.checked_sub(self.first)? as usize;
        (name == "String").then(|| self.names.get(position).copied().into())
    }

    fn member_names(&self) -> Vec<Str> {
        vec![Str::from("String")]
    }

    fn to_text(&self) -> Option<Str> {
        let position = self.number.checked_sub(self.first)? as usize;
        self.names.get(position).map(|name| Str::from(*name))
    }

    fn to_number(&self) -> Option<i64> {
        Some(i64::from(self.number))
    }

    fn to_json(&self, _: &Scope) -> Option<Value> {
        Some(Value::from(self.number))
    }

    fn packed(&self) -> Option<Packed> {
        Some(Packed {
            parts: vec![Value::from(self.number), Value::from(self.first)],
            unpack: |parts| {
                let number = u32::try_from(parts.first()?.as_i64()?).ok()?;
                // Months are counted from one.
                let is_month = parts.get(1)?.as_i64()? == 1;
                let make = if is_month { Named::month } else { Named::weekday };
                Some(Value::object(make(number)))
            },
        })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
