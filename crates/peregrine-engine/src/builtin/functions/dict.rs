//! `dict()`: a dict out of its arguments.

use crate::prelude::*;

/// Makes a dict of its arguments, in order. Queries become arrays of rows.
#[derive(VqlArgs)]
pub struct Args {
    /// Keys and values.
    #[arg(rest)]
    entries: Vec<(Str, Lazy)>,
}

pub struct MakeDict;

impl Function for MakeDict {
    type Args = Args;
    const NAME: &'static str = "dict";
    const CATEGORY: Category = Category::Collections;
    const EXAMPLES: &'static [Example] = &[
        example("two keys", "dict(b=1, a=[1, 2])", r#"{"b":1,"a":[1,2]}"#),
        example("nothing", "dict()", "{}"),
        example("a key with a blank", "dict(`a b`=1)", r#"{"a b":1}"#),
        example(
            "a query",
            "dict(q={ SELECT * FROM range(end=1) })",
            r#"{"q":[{"_value":0}]}"#,
        ),
        example(
            "a repeated key moves to the end",
            "dict(a=1, b=2, a=3)",
            r#"{"b":2,"a":3}"#,
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let entries = args.entries.into_iter();
        Ok(Value::Dict(
            entries
                .map(|(key, lazy)| (key, lazy.force(scope).expanded(scope)))
                .collect(),
        ))
    }
}
