//! `lazy_dict()`: a dict of expressions evaluated later.

use crate::prelude::*;

/// Makes a dict whose values are evaluated when they are used, at most once. Meant for `` `**` `` arguments.
#[derive(VqlArgs)]
pub struct Args {
    /// Keys and expressions.
    #[arg(rest)]
    entries: Vec<(Str, Lazy)>,
}

pub struct LazyDict;

impl Function for LazyDict {
    type Args = Args;
    const NAME: &'static str = "lazy_dict";
    const CATEGORY: Category = Category::Collections;
    const EXAMPLES: &'static [Example] = &[
        example("evaluated when shown", "lazy_dict(a=1 + 1)", r#"{"a":2}"#),
        example(
            "as arguments",
            "format(`**`=lazy_dict(format='%v', args=5))",
            r#""5""#,
        ),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        Ok(Value::Dict(args.entries.into_iter().collect()))
    }
}
