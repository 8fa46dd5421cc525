//! `timestamp()`: to time.

use crate::prelude::*;

/// Converts numbers and text to a time in UTC; NULL when it cannot be read.
///
/// A number is seconds since 1970, or milli-, micro- or nanoseconds when it is that large. Text is read in any of the
/// usual layouts, in the zone named by the variable `PARSE_TZ` or `TZ` when it names none.
#[derive(VqlArgs)]
pub struct Args {
    /// A number or text.
    epoch: Option<Value>,
    /// Seconds since 2001.
    cocoatime: Option<i64>,
    /// Seconds since 1904.
    mactime: Option<i64>,
    /// 100 nanoseconds since 1601.
    winfiletime: Option<i64>,
    /// Text.
    string: Option<Str>,
    /// The layout of the text, in Go's manner (`02/01/2006 15:04`).
    format: Option<Str>,
}

pub struct Timestamp;

impl Function for Timestamp {
    type Args = Args;
    const NAME: &'static str = "timestamp";
    const CATEGORY: Category = Category::Time;
    const VERSION: i64 = 2;
    const EXAMPLES: &'static [Example] = &[
        example(
            "seconds",
            "timestamp(epoch=1700000000)",
            r#""2023-11-14T22:13:20Z""#,
        ),
        example(
            "milliseconds",
            "timestamp(epoch=1700000000123)",
            r#""2023-11-14T22:13:20.123Z""#,
        ),
        example(
            "a float",
            "timestamp(epoch=1700000000.5)",
            r#""2023-11-14T22:13:20.5Z""#,
        ),
        example(
            "a number as text",
            "timestamp(epoch='0x10')",
            r#""1970-01-01T00:00:16Z""#,
        ),
        example(
            "zero is not a time",
            "timestamp(epoch=0)",
            r#""0001-01-01T00:00:00Z""#,
        ),
        example(
            "Windows",
            "timestamp(winfiletime=132514654440000000)",
            r#""2020-12-03T10:37:24Z""#,
        ),
        example(
            "Cocoa",
            "timestamp(cocoatime=600000000)",
            r#""2020-01-06T10:40:00Z""#,
        ),
        example(
            "Mac",
            "timestamp(mactime=3600000000)",
            r#""2018-01-28T16:00:00Z""#,
        ),
        example(
            "with an offset",
            "timestamp(string='2021-10-01T10:53:32+02:00')",
            r#""2021-10-01T08:53:32Z""#,
        ),
        example(
            "month first",
            "timestamp(string='3/5/2014')",
            r#""2014-03-05T00:00:00Z""#,
        ),
        example(
            "with a layout",
            "timestamp(string='31/12/2021 08:00', format='02/01/2006 15:04')",
            r#""2021-12-31T08:00:00Z""#,
        ),
        example("nonsense", "timestamp(string='nonsense')", "null"),
        example("a member", "timestamp(epoch=1700000000).Month", "11"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let positive = |seconds: Option<i64>| seconds.filter(|seconds| *seconds > 0);
        if let Some(ticks) = positive(args.winfiletime) {
            let time = Time::from_win_filetime(ticks as u64);
            return Ok(Value::Time(Time::from_unix(time.unix(), 0)));
        }
        if let Some(seconds) = positive(args.mactime) {
            return Ok(Value::Time(Time::from_unix(
                seconds.saturating_sub(2_082_844_800),
                0,
            )));
        }
        if let Some(seconds) = positive(args.cocoatime) {
            return Ok(Value::Time(Time::from_unix(
                seconds.saturating_add(978_307_200),
                0,
            )));
        }
        let value = match (args.string, args.epoch) {
            (Some(text), _) if !text.is_empty() => Value::Str(text),
            (_, Some(value)) => value,
            _ => return Ok(Value::Null),
        };
        let time = match (&value, args.format.filter(|layout| !layout.is_empty())) {
            (Value::Str(text), Some(layout)) => crate::time::parse_layout(
                &layout.as_utf8_lossy(),
                &text.as_utf8_lossy(),
                crate::time::parse_zone(scope),
            ),
            _ => crate::time::to_time(scope, &value),
        };
        Ok(time.map(|time| time.in_zone(ZoneId::UTC)).into())
    }
}
