//! `str()`: to text.

use crate::prelude::*;

/// Returns the text form of a value; strings and bytes as they are.
#[derive(VqlArgs)]
pub struct Args {
    /// What to convert.
    str: Value,
}

pub struct ToStr;

impl Function for ToStr {
    type Args = Args;
    const NAME: &'static str = "str";
    const CATEGORY: Category = Category::Strings;
    const IS_PURE: bool = true;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example("a number", "str(str=5)", r#""5""#),
        example("a float", "str(str=1.50)", r#""1.5""#),
        example("NULL", "str(str=NULL)", r#""Null""#),
        example("a dict", "str(str=dict(A=1))", r#""{\"A\":1}""#),
        example("a list", "str(str=[1, 2])", r#""[1 2]""#),
        example(
            "a time",
            "str(str=timestamp(epoch=1700000000))",
            r#""2023-11-14 22:13:20 +0000 UTC""#,
        ),
        fails("nothing", "str()", "str: Field str is required"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        Ok(Value::Str(args.str.to_text(scope)))
    }
}
