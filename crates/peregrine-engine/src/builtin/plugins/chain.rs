//! `chain()` and `combine()`: the rows of several queries.

use crate::parallel;
use crate::prelude::*;

/// Yields the rows of all queries, one query after the other.
#[derive(VqlArgs)]
pub struct Args {
    /// Run all queries at the same time; rows come as they come.
    #[arg(default = false)]
    r#async: bool,
    /// Queries under any names.
    #[arg(rest)]
    queries: Vec<(Str, Lazy)>,
}

pub struct Chain;

impl Plugin for Chain {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "chain";
    const CATEGORY: Category = Category::Control;
    const EXAMPLES: &'static [Example] = &[example(
        "in order",
        "chain(b={ SELECT 'b' AS R FROM scope() }, a=dict(R='a'))",
        r#"[{"R":"b"},{"R":"a"}]"#,
    )];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let queries = args
            .queries
            .iter()
            .map(|(_, lazy)| lazy.force(scope).into_query(scope));
        if args.r#async {
            return run_at_once(scope, queries, rows.sink());
        }
        for query in queries {
            query.run(&scope.child(), rows.sink())?;
        }
        Ok(())
    }
}

/// Yields the rows of all queries, which run at the same time.
#[derive(VqlArgs)]
pub struct CombineArgs {
    /// Queries under any names.
    #[arg(rest)]
    queries: Vec<(Str, Lazy)>,
}

pub struct Combine;

impl Plugin for Combine {
    type Args = CombineArgs;
    type Row = DynRow;
    const NAME: &'static str = "combine";
    const CATEGORY: Category = Category::Control;
    const EXAMPLES: &'static [Example] = &[example(
        "one query",
        "combine(a={ SELECT 'a' AS R FROM scope() })",
        r#"[{"R":"a"}]"#,
    )];

    fn run(scope: &Scope, args: CombineArgs, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let queries = args
            .queries
            .iter()
            .map(|(_, lazy)| lazy.force(scope).into_query(scope));
        run_at_once(scope, queries, rows.sink())
    }
}

fn run_at_once(scope: &Scope, queries: impl Iterator<Item = Query>, rows: &mut dyn RowSink) -> VqlResult<()> {
    // Evaluated before any of them starts.
    let queries: Vec<Query> = queries.collect();
    let tasks = queries.into_iter().map(|query| {
        move |scope: &Scope, rows: &mut dyn RowSink| {
            // Stopped by the consumer or by a cancellation; `at_once` tells the caller.
            let _ = query.run(scope, rows);
        }
    });
    parallel::at_once(scope, tasks, rows)
}
