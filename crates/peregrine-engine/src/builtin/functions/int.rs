//! `int()`: to whole number.

use crate::prelude::*;

/// Converts text or a float to a whole number; floats lose their fraction, anything else is 0.
#[derive(VqlArgs)]
pub struct Args {
    /// What to convert.
    int: Option<Value>,
}

pub struct Int;

impl Function for Int {
    type Args = Args;
    const NAME: &'static str = "int";
    const CATEGORY: Category = Category::Math;
    const IS_PURE: bool = true;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example("text", "int(int='42')", "42"),
        example("a float", "int(int=-3.9)", "-3"),
        example("a bool is 0", "int(int=TRUE)", "0"),
        example("NULL is 0", "int(int=NULL)", "0"),
        fails("an unknown argument", "int(x=1)", "int: Unexpected arg x"),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        Ok(Value::Int(match args.int {
            Some(Value::Str(text)) => crate::number::parse_int_or_zero(&text.as_utf8_lossy()),
            Some(value @ (Value::Int(_) | Value::UInt(_) | Value::Float(_))) => value.as_i64().unwrap_or(0),
            _ => 0,
        }))
    }
}
