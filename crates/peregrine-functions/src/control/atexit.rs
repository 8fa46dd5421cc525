//! `atexit()`: runs a query at the end.

use std::time::Duration;

use crate::prelude::*;

/// Runs a query when this one ends, even if it is cancelled. Its rows are dropped, its messages are kept.
#[derive(VqlArgs)]
pub struct Args {
    /// The query.
    query: Value,
    /// Variables for it.
    env: Option<Dict>,
    /// Seconds it may take.
    #[arg(default = 60u64)]
    timeout: u64,
}

pub struct Atexit;

impl Function for Atexit {
    type Args = Args;
    const NAME: &'static str = "atexit";
    const CATEGORY: Category = Category::Control;
    const VERSION: i64 = 1;
    const EXAMPLES: &'static [Example] = &[
        example("a query", "atexit(query={SELECT * FROM range(end=1)})", "true"),
        fails("no query", "atexit(query=5)", "`query` is not a query but int64"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let Value::Query(query) = args.query.reduce(scope) else {
            scope.log_line("atexit: `query` is not a query but int64; write `{ SELECT … }`");
            return Ok(Value::from(true));
        };
        let scope = match args.env {
            Some(env) => scope.child_with(env),
            None => scope.child(),
        };
        let here = scope.clone();
        scope.at_close(Box::new(move |_| {
            here.log_line(&format!("Running AtExit query {}", query.text()));
            // A separate token: the query's own may already be cancelled.
            let limit = Cancellation::with_deadline(Duration::from_secs(args.timeout.clamp(1, 86_400)));
            let _ = query.run(&here.child_cancelled_by(limit), &mut FnSink(|_| Ok(())));
        }));
        Ok(Value::from(true))
    }
}
