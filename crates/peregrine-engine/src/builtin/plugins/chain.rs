//! `chain()` and `combine()`: the rows of several queries.

use crate::parallel::SharedSink;
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
            return run_at_once(scope, &queries.collect::<Vec<Query>>(), rows.sink());
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
        run_at_once(scope, &queries.collect::<Vec<Query>>(), rows.sink())
    }
}

/// One thread per query: each may watch for ever.
fn run_at_once(scope: &Scope, queries: &[Query], rows: &mut dyn RowSink) -> VqlResult<()> {
    let shared = SharedSink::new(scope, rows);
    let mut failure = None;
    std::thread::scope(|threads| {
        for query in queries {
            let (shared, scope) = (&shared, shared.scope().child());
            let worker = std::thread::Builder::new().name("vql-worker".into());
            if let Err(error) = worker.spawn_scoped(threads, move || query.run(&scope, &mut shared.handle()))
            {
                // Some without the others would look like a whole answer.
                shared.scope().cancellation().cancel();
                failure = Some(error);
                break;
            }
        }
    });
    if let Some(error) = failure {
        return Err(format!("cannot start a thread for each query: {error}").into());
    }
    shared.finish()
}
