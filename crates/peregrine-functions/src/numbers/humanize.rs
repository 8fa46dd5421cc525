//! `humanize()`: sizes, numbers and times for people.

use crate::prelude::*;

/// Formats a number or time for people. The first argument that is given and not zero counts: `time`,
/// `comma`, `bytes`, `ibytes`.
#[derive(VqlArgs)]
pub struct Args {
    /// A size in units of 1000: `1.2 MB`.
    #[arg(default = 0)]
    bytes: i64,
    /// A size in units of 1024: `1.2 MiB`.
    #[arg(default = 0)]
    ibytes: i64,
    /// A time relative to now: `3 days ago`.
    time: Option<Time>,
    /// A number with thousands separators: `1,234`.
    #[arg(default = 0)]
    comma: i64,
}

pub struct Humanize;

impl Function for Humanize {
    type Args = Args;
    const NAME: &'static str = "humanize";
    const CATEGORY: Category = Category::Strings;
    const VERSION: i64 = 2;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example("bytes", "humanize(bytes=1234567)", r#""1.2 MB""#),
        example("powers of two", "humanize(ibytes=1234567)", r#""1.2 MiB""#),
        example(
            "no decimals from ten on",
            "humanize(bytes=82854982)",
            r#""83 MB""#,
        ),
        example("below a unit", "humanize(ibytes=1023)", r#""1023 B""#),
        example("thousands", "humanize(comma=-1234567)", r#""-1,234,567""#),
        example("now", "humanize(time=now())", r#""now""#),
        example("long ago", "humanize(time=86400)", r#""a long while ago""#),
        example("nothing", "humanize()", r#""0 B""#),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let time = args.time.filter(|time| !time.is_zero());
        Ok(Value::from(if let Some(time) = time {
            relative(time, scope.clock().now())
        } else if args.comma != 0 {
            with_commas(args.comma)
        } else if args.bytes != 0 {
            size(args.bytes, 1000.0, ["B", "kB", "MB", "GB", "TB", "PB", "EB"])
        } else {
            size(
                args.ibytes,
                1024.0,
                ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"],
            )
        }))
    }
}

fn size(bytes: i64, base: f64, units: [&str; 7]) -> String {
    let sign = if bytes < 0 { "-" } else { "" };
    let bytes = bytes.unsigned_abs();
    if bytes < 10 {
        return format!("{sign}{bytes} B");
    }
    let mut scaled = bytes as f64;
    let mut unit = units[0];
    for larger in &units[1..] {
        if scaled < base {
            break;
        }
        scaled /= base;
        unit = larger;
    }
    let rounded = (scaled * 10.0 + 0.5).floor() / 10.0;
    if rounded < 10.0 {
        format!("{sign}{rounded:.1} {unit}")
    } else {
        format!("{sign}{rounded:.0} {unit}")
    }
}

fn with_commas(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

const MINUTE: i128 = 60;
const HOUR: i128 = 60 * MINUTE;
const DAY: i128 = 24 * HOUR;
const WEEK: i128 = 7 * DAY;
const MONTH: i128 = 30 * DAY;
const YEAR: i128 = 12 * MONTH;

fn relative(time: Time, now: Time) -> String {
    let distance = now.unix_nanos() - time.unix_nanos();
    let when = if distance < 0 { "from now" } else { "ago" };
    let seconds = distance.abs() / 1_000_000_000;
    let amount = match seconds {
        0 => return "now".into(),
        1 => "1 second".into(),
        n if n < MINUTE => format!("{n} seconds"),
        n if n < 2 * MINUTE => "1 minute".into(),
        n if n < HOUR => format!("{} minutes", n / MINUTE),
        n if n < 2 * HOUR => "1 hour".into(),
        n if n < DAY => format!("{} hours", n / HOUR),
        n if n < 2 * DAY => "1 day".into(),
        n if n < WEEK => format!("{} days", n / DAY),
        n if n < 2 * WEEK => "1 week".into(),
        n if n < MONTH => format!("{} weeks", n / WEEK),
        n if n < 2 * MONTH => "1 month".into(),
        n if n < YEAR => format!("{} months", n / MONTH),
        n if n < 18 * MONTH => "1 year".into(),
        n if n < 2 * YEAR => "2 years".into(),
        n if n < 37 * YEAR => format!("{} years", n / YEAR),
        _ => "a long while".into(),
    };
    format!("{amount} {when}")
}
