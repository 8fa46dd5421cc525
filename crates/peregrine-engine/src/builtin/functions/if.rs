//! `if()`: one of two values.

use crate::prelude::*;

/// Evaluates and returns `then` if the condition is true, else `else`. The other branch is not evaluated; a missing
/// one is NULL. A query is true if it has a row.
#[derive(VqlArgs)]
pub struct Args {
    /// What to decide by.
    condition: bool,
    /// The value if it is true.
    then: Option<Lazy>,
    /// The value if it is false.
    r#else: Option<Lazy>,
}

pub struct If;

impl Function for If {
    type Args = Args;
    const NAME: &'static str = "if";
    const CATEGORY: Category = Category::Control;
    const EXAMPLES: &'static [Example] = &[
        example("false", "if(condition=0, then='y', else='n')", r#""n""#),
        example(
            "a text that is not empty is true",
            "if(condition='0', then='y')",
            r#""y""#,
        ),
        example("no such branch", "if(condition=FALSE, then=1)", "null"),
        fails("no condition", "if(then=1)", "if: Field condition is required"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let branch = if args.condition { args.then } else { args.r#else };
        Ok(branch.map_or(Value::Null, |branch| branch.force(scope)))
    }
}
