//! `foreach()`: a query for each row.

use crate::call::each_row_of;
use crate::parallel::for_each_row;
use crate::prelude::*;

/// Runs `query` for each row of `row`, with the row's columns as variables, and yields its rows.
///
/// A dict is one row, an array one row per element (dicts as they are, other values as `_value`, NULL left out).
#[derive(VqlArgs)]
pub struct Args {
    /// The rows: a query, array, dict or single value.
    row: Lazy,
    /// The query to run for each; without it the rows themselves are yielded.
    query: Option<Query>,
    /// 100 workers, unless their number is given.
    #[arg(default = false)]
    r#async: bool,
    /// How many rows to work on at the same time; with more than one, rows come as they come.
    #[arg(default = 1)]
    workers: i64,
    /// Use this column of each row as the row.
    column: Option<Str>,
}

pub struct Foreach;

impl Plugin for Foreach {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "foreach";
    const CATEGORY: Category = Category::Control;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a query for each row",
            "foreach(row=dict(o=7), query={ SELECT o + 1 AS S FROM scope() })",
            r#"[{"S":8}]"#,
        ),
        example(
            "an array's elements",
            "foreach(row=(5, dict(k=1), NULL))",
            r#"[{"_value":5},{"k":1}]"#,
        ),
        example(
            "one column as the row",
            "foreach(row={ SELECT dict(x=1) AS c FROM scope() }, column='c')",
            r#"[{"x":1}]"#,
        ),
        fails(
            "no rows",
            "foreach(query={ SELECT 1 AS A FROM scope() })",
            "foreach: Field row is required",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let workers = match usize::try_from(args.workers).unwrap_or(1) {
            0 | 1 if args.r#async => 100,
            workers => workers.max(1),
        };
        let source = Source {
            row: args.row.force(scope),
            column: args.column,
        };
        let Some(query) = args.query else {
            return Ok(source.each(scope, rows.sink())?);
        };
        if workers > 1 {
            scope.log(
                Level::Debug,
                &format!("Creating {workers} workers for foreach plugin"),
            );
            return for_each_row(
                scope,
                |scope, rows| source.each(scope, rows),
                &query,
                workers,
                rows.sink(),
            );
        }
        let sink = rows.sink();
        source.each(scope, &mut FnSink(|row| query.run(&scope.child_with(row), sink)))?;
        Ok(())
    }
}

/// Where the rows to iterate over come from.
struct Source {
    row: Value,
    column: Option<Str>,
}

impl Source {
    fn each(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        let Some(column) = &self.column else {
            return self.each_row(scope, rows);
        };
        self.each_row(
            scope,
            &mut FnSink(|row: Row| {
                let value = row.into_value().member(scope, column).unwrap_or_default();
                rows.push(Row::from(value.reduce(scope)))
            }),
        )
    }

    fn each_row(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        match &self.row {
            Value::Query(query) => query.run(scope, rows),
            other => each_row_of(
                other.clone(),
                scope,
                &mut FnSink(|row| {
                    scope.checkpoint()?;
                    rows.push(row)
                }),
            ),
        }
    }
}
