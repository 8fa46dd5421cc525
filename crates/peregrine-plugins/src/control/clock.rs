//! `clock()`: a row at regular times.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use peregrine_engine::prelude::*;

/// Emits the current time periodically; each row has the members of that time, such as `Unix` and `String`.
#[derive(VqlArgs)]
pub struct Args {
    /// When to emit the first row: at once if that time is past, after one period when left out.
    start: Option<Value>,
    /// Seconds between rows.
    #[arg(default = 0)]
    period: i64,
    /// Milliseconds between rows, added to the seconds; the default without both is one second.
    #[arg(default = 0)]
    ms: i64,
}

pub struct Clock;

impl Plugin for Clock {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "clock";
    const CATEGORY: Category = Category::Events;
    const IS_EVENT: bool = true;
    const COLUMNS: &'static [ColumnSpec] = &[
        shown("Day", "Of the month."),
        shown("Hour", "Of the day."),
        shown("ISOWeek", "Of the year, as ISO 8601 counts them."),
        shown("IsDST", "It is summer time."),
        shown("IsZero", "It is the year 1, which stands for no time."),
        shown("Minute", "Of the hour."),
        shown("Month", "Of the year."),
        shown("Nanosecond", "Of the second."),
        shown("Second", "Of the minute."),
        shown("String", "As text."),
        shown("UTC", "The same time in UTC."),
        shown("Unix", "Seconds since 1970."),
        shown("UnixMicro", "Microseconds since 1970."),
        shown("UnixMilli", "Milliseconds since 1970."),
        shown("UnixNano", "Nanoseconds since 1970."),
        shown("Weekday", "Its name or number."),
        shown("Year", "Of the calendar."),
        shown("YearDay", "Of the year."),
        shown("Zone", "Name of its zone."),
    ];
    const EXAMPLES: &'static [Example] = &[
        example(
            "two ticks",
            "SELECT Unix > 0 AS Ticked FROM clock(ms=1) LIMIT 2",
            r#"[{"Ticked":true},{"Ticked":true}]"#,
        ),
        example(
            "at once",
            "SELECT Unix > 0 AS Ticked FROM clock(start=1, period=1000) LIMIT 1",
            r#"[{"Ticked":true}]"#,
        ),
        example(
            "the members of the time",
            "SELECT Zone, IsZero, IsDST, ISOWeek > 2000 AS Week, UTC.Unix = Unix AS Same, Sec = Unix AS Short
             FROM clock(start=1) LIMIT 1",
            r#"[{"Zone":"UTC","IsZero":false,"IsDST":false,"Week":true,"Same":true,"Short":true}]"#,
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let ms = args.period.saturating_mul(1000).saturating_add(args.ms);
        let period = Duration::from_millis(u64::try_from(ms).ok().filter(|ms| *ms > 0).unwrap_or(1000));
        let start = args
            .start
            .map(|start| start.reduce(scope))
            .filter(|start| !start.is_null());
        let mut wait = match start {
            Some(start) => {
                let text = start
                    .as_str()
                    .and_then(|text| peregrine_engine::time::parse(scope, text));
                let Some(start) = text.or_else(|| peregrine_engine::time::to_time(scope, &start)) else {
                    return Err(format!("`start` `{}` is not a time", start.to_text(scope)).into());
                };
                let left = start.unix_nanos() - scope.clock().now().unix_nanos();
                Duration::from_nanos(u64::try_from(left.max(0)).unwrap_or(u64::MAX))
            }
            None => period,
        };
        loop {
            if scope.cancellation().wait(wait) {
                return Err(VqlError::Stopped);
            }
            rows.push(row(scope.clock().now()))?;
            wait = period;
        }
    }
}

/// The columns `*` shows of a time.
const MEMBERS: [&str; 19] = [
    "Day",
    "Hour",
    "ISOWeek",
    "IsDST",
    "IsZero",
    "Minute",
    "Month",
    "Nanosecond",
    "Second",
    "String",
    "UTC",
    "Unix",
    "UnixMicro",
    "UnixMilli",
    "UnixNano",
    "Weekday",
    "Year",
    "YearDay",
    "Zone",
];

fn row(now: Time) -> Row {
    static COLUMNS: LazyLock<Arc<Columns>> =
        LazyLock::new(|| Columns::with_beyond(&MEMBERS, &[("Sec", "Unix")], &[], false));
    let member = |name: &&str| peregrine_engine::time::member(now, name.as_bytes()).unwrap_or(Value::Null);
    Row::fixed(&COLUMNS, MEMBERS.iter().map(member).collect())
}
