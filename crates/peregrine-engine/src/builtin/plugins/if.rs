//! `if()`: one of two queries.

use crate::prelude::*;

/// Runs `then` if the condition is true, else `else`. A query as condition is true if it has a row.
#[derive(VqlArgs)]
pub struct Args {
    /// What to decide by.
    condition: bool,
    /// The query to run if it is true.
    then: Query,
    /// The query to run if it is false.
    r#else: Option<Query>,
}

pub struct If;

impl Plugin for If {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "if";
    const CATEGORY: Category = Category::Control;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a query",
            "SELECT * FROM if(condition=1, then={ SELECT 'y' AS R FROM scope() })",
            r#"[{"R":"y"}]"#,
        ),
        example(
            "a value",
            "if(condition=0, then=1, else=dict(a=2))",
            r#"[{"a":2}]"#,
        ),
        fails("no query", "if(condition=0)", "if: Field then is required"),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        match if args.condition {
            Some(args.then)
        } else {
            args.r#else
        } {
            Some(query) => Ok(query.run(scope, rows.sink())?),
            None => Ok(()),
        }
    }
}
