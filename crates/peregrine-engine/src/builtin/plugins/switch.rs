//! `switch()`: the first query that has rows.

use crate::prelude::*;

/// Runs queries in order until one yields a row; its rows are the result, the rest is not run.
#[derive(VqlArgs)]
pub struct Args {
    /// Queries under any names.
    #[arg(rest)]
    queries: Vec<(Str, Lazy)>,
}

pub struct Switch;

impl Plugin for Switch {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "switch";
    const CATEGORY: Category = Category::Control;
    const EXAMPLES: &'static [Example] = &[example(
        "the second has rows",
        "switch(a=NULL, b={ SELECT 'b' AS R FROM scope() }, c=3)",
        r#"[{"R":"b"}]"#,
    )];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        for (_, lazy) in args.queries {
            let mut found = false;
            let sink = rows.sink();
            lazy.force(scope).into_query(scope).run(
                scope,
                &mut FnSink(|row| {
                    found = true;
                    sink.push(row)
                }),
            )?;
            if found {
                break;
            }
        }
        Ok(())
    }
}
