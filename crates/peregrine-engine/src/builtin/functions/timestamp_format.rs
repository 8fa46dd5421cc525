//! `timestamp_format()`: time to text.

use crate::prelude::*;

/// Formats a time with a layout in Go's manner, or one of its named layouts (`RFC3339`, `DateTime`, `Kitchen` …), in
/// the zone of the variable `PARSE_TZ` or `TZ`.
#[derive(VqlArgs)]
pub struct Args {
    /// The time, or what `timestamp(epoch=)` takes.
    time: Value,
    /// The layout: how the moment Mon Jan 2 15:04:05 MST 2006 would be written.
    format: Option<Str>,
}

pub struct TimestampFormat;

impl Function for TimestampFormat {
    type Args = Args;
    const NAME: &'static str = "timestamp_format";
    const CATEGORY: Category = Category::Time;
    const VERSION: i64 = 1;
    const EXAMPLES: &'static [Example] = &[
        example(
            "RFC 3339",
            "timestamp_format(time=1700000000)",
            r#""2023-11-14T22:13:20Z""#,
        ),
        example(
            "a named layout",
            "timestamp_format(time=1700000000, format='DateTime')",
            r#""2023-11-14 22:13:20""#,
        ),
        example(
            "a layout",
            "timestamp_format(time='2024-02-03T04:05:06Z', format='Mon 2 Jan 06 3:04pm')",
            r#""Sat 3 Feb 24 4:05am""#,
        ),
        example("no time", "timestamp_format(time='nonsense')", "null"),
        fails(
            "nothing",
            "timestamp_format()",
            "timestamp_format: Field time is required",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let Some(time) = crate::time::to_time(scope, &args.time) else {
            return Ok(Value::Null);
        };
        let layout = args.format.unwrap_or_else(|| Str::from("RFC3339"));
        let layout = layout.as_utf8_lossy();
        let layout = crate::time::named_layout(&layout).unwrap_or(&layout);
        Ok(Value::from(crate::time::format_layout(
            layout,
            time.in_zone(crate::time::parse_zone(scope)),
        )))
    }
}
