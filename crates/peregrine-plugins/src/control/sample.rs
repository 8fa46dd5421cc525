//! `sample()`: every n-th row.

use peregrine_engine::prelude::*;

/// Passes on every n-th row, starting with the first.
#[derive(VqlArgs)]
pub struct Args {
    /// The query.
    query: Query,
    /// One in this many rows is passed on.
    n: i64,
}

pub struct Sample;

impl Plugin for Sample {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "sample";
    const CATEGORY: Category = Category::Control;
    const EXAMPLES: &'static [Example] = &[
        example(
            "every second",
            "sample(query={SELECT * FROM range(end=5)}, n=2)",
            r#"[{"_value":0},{"_value":2},{"_value":4}]"#,
        ),
        example(
            "0 is 1",
            "sample(query={SELECT * FROM range(end=2)}, n=0)",
            r#"[{"_value":0},{"_value":1}]"#,
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let (every, mut seen) = (args.n.max(1), 0i64);
        args.query.run(
            scope,
            &mut FnSink(|row: Row| {
                let wanted = seen % every == 0;
                seen = seen.wrapping_add(1);
                if wanted {
                    rows.push(row)
                } else {
                    scope.checkpoint()
                }
            }),
        )?;
        Ok(())
    }
}
