//! `query()`: runs VQL given as text or query, in a scope of its own.

use std::sync::Arc;
use std::time::Duration;

use crate::context::{LimiterHandle, QueryLimits, Throttle};
use crate::layer::Layer;
use crate::prelude::*;
use crate::program::Program;
use crate::source_text::source_text;

/// Runs a query in a fresh scope. It sees only those of the caller's variables that `copy_env` names, unless
/// `inherit` is set.
///
/// With a limit the query is slowed down while the whole program uses more than that; what it registers for its end
/// (`atexit()`) then runs at its own end, and caches are its own.
#[derive(VqlArgs)]
pub struct Args {
    /// VQL text, which may have several statements, or a query.
    query: Value,
    /// Variables of the new scope.
    env: Option<Dict>,
    /// Names of the caller's variables to take over.
    copy_env: Option<Vec<Str>>,
    /// Percent of all processors; above that the query waits.
    cpu_limit: Option<f64>,
    /// Reads and writes a second; above that the query waits.
    iops_limit: Option<f64>,
    /// Seconds after which the query is cancelled.
    timeout: Option<f64>,
    /// Seconds without progress after which the query is cancelled.
    progress_timeout: Option<f64>,
    /// The organisation to run in; there is only `root`.
    org_id: Option<String>,
    /// The user to run as; not possible yet.
    runas: Option<String>,
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
        fails(
            "another organisation",
            "query(query={ SELECT * FROM range(end=1) }, org_id='O1')",
            "there is no organisation `O1`",
        ),
        example(
            "a string with a byte that is not UTF-8",
            r#"query(query="SELECT '\xff' = X AS Same FROM scope()", env=dict(X='\xff'))"#,
            r#"[{"Same":true}]"#,
        ),
        fails("a syntax error", "query(query='SELECT')", "ERROR:query:"),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        check_principal(&args)?;
        let limits = limits(scope, &args);
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
        let inner = match limits {
            Some(limits) => limited(scope, &inner, &limits),
            None => inner,
        };
        let mut sink = Exiting {
            scope,
            exit: args.exit,
            rows: rows.sink(),
            outer_stopped: false,
        };
        let result = match args.query {
            Value::Str(text) => match Program::compile(&source_text(&text)) {
                Ok(program) => program.run(&inner, &mut sink),
                Err(diagnostics) => {
                    let first = diagnostics.first().map(ToString::to_string).unwrap_or_default();
                    return Err(VqlError::Message(format!("ERROR:{first}")));
                }
            },
            other => other.into_query(scope).run(&inner, &mut sink),
        };
        if limits.is_some() {
            inner.close();
        }
        // A timeout, or `exit`, ends this query but not the one that called it.
        match result {
            Err(Stop) if sink.outer_stopped => Err(VqlError::Stopped),
            _ => Ok(scope.checkpoint()?),
        }
    }
}

fn check_principal(args: &Args) -> Result<(), String> {
    match (args.org_id.as_deref(), args.runas.as_deref()) {
        (Some(org), _) if !matches!(org, "" | "root") => Err(format!(
            "there is no organisation `{org}`; this version has only `root`"
        )),
        (_, Some(user)) if !user.is_empty() => Err(format!(
            "the query cannot run as `{user}`; leave out `runas` to run as yourself"
        )),
        _ => Ok(()),
    }
}

/// The limits a call asks for, if any can be kept.
fn limits(scope: &Scope, args: &Args) -> Option<QueryLimits> {
    let limits = QueryLimits {
        cpu: args.cpu_limit.unwrap_or(0.0),
        iops: args.iops_limit.unwrap_or(0.0),
        progress: args.progress_timeout.unwrap_or(0.0),
    };
    if limits == QueryLimits::default() {
        return None;
    }
    if scope.extension::<LimiterHandle>().is_none() {
        scope.log_line("WARN:query: this program cannot limit queries; the query runs without limits");
        return None;
    }
    Some(limits)
}

/// A scope with the same variables and its own throttle.
fn limited(scope: &Scope, inner: &Scope, limits: &QueryLimits) -> Scope {
    let Some(limiter) = scope.extension::<LimiterHandle>() else {
        return inner.clone();
    };
    let outer = scope.context();
    let cancellation = inner.cancellation();
    let mut context = outer.derive().cancellation(cancellation.clone());
    if let Some(own) = limiter.0.throttle(limits, cancellation, outer.log()) {
        let both: Arc<dyn Throttle> = match &outer.throttle {
            Some(outer) => Arc::new(Both(Arc::clone(outer), own)),
            None => own,
        };
        context = context.throttle(both);
    }
    let variables: Dict = inner
        .names()
        .into_iter()
        .filter_map(|name| {
            let value = inner.get(&name.as_utf8_lossy())?;
            Some((name, value))
        })
        .collect();
    // Nested as deeply as the caller, so that a query that runs itself reaches the depth limit.
    Scope::root(&context.build(), variables).nest(Layer::None, inner.0.depth)
}

/// Charges two throttles.
struct Both(Arc<dyn Throttle>, Arc<dyn Throttle>);

impl Throttle for Both {
    fn charge(&self, operations: u32, cancellation: &Cancellation) -> Result<(), Stop> {
        self.0.charge(operations, cancellation)?;
        self.1.charge(operations, cancellation)
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
