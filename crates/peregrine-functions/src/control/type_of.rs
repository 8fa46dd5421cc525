//! `typeof()`: the type of a value.

use crate::prelude::*;

/// Returns the name of the type of the first argument, which may have any name.
#[derive(VqlArgs)]
pub struct Args {
    /// The value.
    #[arg(rest)]
    value: Vec<(Str, Lazy)>,
}

pub struct TypeOf;

impl Function for TypeOf {
    type Args = Args;
    const NAME: &'static str = "typeof";
    const CATEGORY: Category = Category::Utils;
    const EXAMPLES: &'static [Example] = &[
        example("a number", "typeof(a=1)", r#""int64""#),
        example("a string", "typeof(a='x')", r#""string""#),
        example("a dict", "typeof(a=dict())", r#""*ordereddict.Dict""#),
        example("nothing", "typeof()", "null"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        Ok(args.value.first().map_or(Value::Null, |(_, value)| {
            Value::from(value.force(scope).type_name())
        }))
    }
}
