//! `atoi()`: text to whole number.

use crate::prelude::*;

/// Converts to a whole number. Text may begin with `0x`, `0o`, `0b` or an octal `0`; text that is not a
/// number gives 0, a number too large for 64 bits the nearest limit.
#[derive(VqlArgs)]
pub struct Args {
    /// What to convert.
    string: Value,
}

pub struct Atoi;

impl Function for Atoi {
    type Args = Args;
    const NAME: &'static str = "atoi";
    const CATEGORY: Category = Category::Math;
    const IS_PURE: bool = true;
    const EXAMPLES: &'static [Example] = &[
        example("hexadecimal", "atoi(string='0x1f')", "31"),
        example("octal", "atoi(string='017')", "15"),
        example("no number", "atoi(string='12abc')", "0"),
        example("a bool", "atoi(string=TRUE)", "1"),
        example("negative", "atoi(string='-9')", "-9"),
        example(
            "too large",
            "atoi(string='99999999999999999999')",
            "9223372036854775807",
        ),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        Ok(Value::Int(match &args.string {
            Value::Str(text) => crate::number::parse_int_or_zero(&text.as_utf8_lossy()),
            other => other.as_i64().unwrap_or(0),
        }))
    }
}
