//! `parse_float()`: text to number.

use crate::prelude::*;

/// Converts text to a floating point number; text that is not a number gives 0. Numbers stay as they are.
#[derive(VqlArgs)]
pub struct Args {
    /// What to convert.
    string: Value,
}

pub struct ParseFloat;

impl Function for ParseFloat {
    type Args = Args;
    const NAME: &'static str = "parse_float";
    const CATEGORY: Category = Category::Math;
    const IS_PURE: bool = true;
    const EXAMPLES: &'static [Example] = &[
        example("with an exponent", "parse_float(string='1.5e3')", "1500"),
        example("no number", "parse_float(string='x')", "0"),
        example("a whole number stays one", "parse_float(string=7)", "7"),
        fails(
            "nothing",
            "parse_float()",
            "parse_float: Field string is required",
        ),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        Ok(match args.string {
            Value::Str(text) => Value::Float(crate::number::parse_float_or_zero(&text.as_utf8_lossy())),
            number @ (Value::Int(_) | Value::UInt(_) | Value::Float(_)) => number,
            _ => Value::Int(0),
        })
    }
}
