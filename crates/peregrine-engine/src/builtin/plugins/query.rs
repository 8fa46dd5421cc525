//! `query()`: runs VQL given as text or query, in a scope of its own.

use std::time::Duration;

use crate::prelude::*;
use crate::program::Program;

/// Runs a query in a fresh scope: of the caller's variables it sees only those named in `copy_env`, unless `inherit`.
#[derive(VqlArgs)]
pub struct Args {
    /// VQL text, which may have several statements, or a query.
    query: Value,
    /// Variables of the new scope.
    env: Option<Dict>,
    /// Names of the caller's variables to take over.
    copy_env: Option<Vec<Str>>,
    /// Seconds after which the query is cancelled.
    timeout: Option<f64>,
    /// Start from the caller's scope instead of an empty one.
    #[arg(default = false)]
    inherit: bool,
    /// A lambda on each row before it is yielded; true ends the query.
    exit: Option<Lambda>,
}

pub struct RunQuery;

impl Plugin for RunQuery {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "query";
    const CATEGORY: Category = Category::Control;
    const VERSION: i64 = 2;
    const EXAMPLES: &'static [Example] = &[
        example(
            "text and a variable",
            "query(query='SELECT X + 1 AS Y FROM scope()', env=dict(X=1))",
            r#"[{"Y":2}]"#,
        ),
        example(
            "until a row is seen",
            "query(query={ SELECT * FROM range(end=9) }, exit='r => r._value > 1')",
            r#"[{"_value":0},{"_value":1}]"#,
        ),
        fails("a syntax error", "query(query='SELECT')", "ERROR:query:"),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let inner = if args.inherit {
            scope.child()
        } else {
            scope.fresh()
        };
        let cancellation = match args.timeout.filter(|seconds| *seconds > 0.0) {
            Some(seconds) => {
                let after = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
                scope.cancellation().child_with_deadline(after)
            }
            None => scope.cancellation().child(),
        };
        let inner = inner.child_cancelled_by(cancellation);
        if let Some(env) = args.env {
            inner.set_layer(env);
        }
        for name in args.copy_env.unwrap_or_default() {
            if let Some(value) = scope.get(&name.as_utf8_lossy()) {
                inner.set_layer(Dict::from_pairs([(name, value)]));
            }
        }
        let mut sink = Exiting {
            scope,
            exit: args.exit,
            rows: rows.sink(),
            outer_stopped: false,
        };
        let result = match args.query {
            Value::Str(text) => match Program::compile(&text.as_utf8_lossy()) {
                Ok(program) => program.run(&inner, &mut sink),
                Err(diagnostics) => {
                    let first = diagnostics.first().map(ToString::to_string).unwrap_or_default();
                    return Err(VqlError::Message(format!("ERROR:{first}")));
                }
            },
            other => other.into_query(scope).run(&inner, &mut sink),
        };
        // A timeout, or `exit`, ends this query but not the one that called it.
        match result {
            Err(Stop) if sink.outer_stopped => Err(VqlError::Stopped),
            _ => Ok(scope.checkpoint()?),
        }
    }
}

struct Exiting<'a> {
    scope: &'a Scope,
    exit: Option<Lambda>,
    rows: &'a mut dyn RowSink,
    outer_stopped: bool,
}

impl RowSink for Exiting<'_> {
    fn push(&mut self, row: Row) -> Result<(), Stop> {
        if let Some(exit) = &self.exit
            && exit
                .call(self.scope, &[row.clone().into_value()])
                .truth(self.scope)
        {
            return Err(Stop);
        }
        self.rows.push(row).inspect_err(|Stop| self.outer_stopped = true)
    }
}
