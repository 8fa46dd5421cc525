//! `len()`: how long something is.

use crate::prelude::*;

/// Returns the number of bytes of a string, elements of an array or keys of a dict; 0 for anything else.
#[derive(VqlArgs)]
pub struct Args {
    /// What to measure.
    list: Value,
}

pub struct Len;

impl Function for Len {
    type Args = Args;
    const NAME: &'static str = "len";
    const CATEGORY: Category = Category::Collections;
    const IS_PURE: bool = true;
    const EXAMPLES: &'static [Example] = &[
        example("bytes of a string", "len(list='abc')", "3"),
        example("elements of an array", "len(list=(1, 2))", "2"),
        example("keys of a dict", "len(list=dict(a=1))", "1"),
        example("a number has no length", "len(list=5)", "0"),
        fails("nothing given", "len()", "len: Field list is required"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        Ok(Value::from(match &args.list {
            Value::Str(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Array(items) => items.len(),
            Value::Dict(dict) => dict.len(),
            Value::Object(object) => object.elements(scope).map_or(0, |elements| elements.len()),
            _ => 0,
        }))
    }
}
