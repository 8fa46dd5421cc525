//! `parallelize()`: a query over slices of stored rows, on all processors.

use peregrine_engine::parallel::for_each_row;
use peregrine_engine::prelude::*;
use peregrine_store::FlowId;

use crate::Stored;
use crate::args::{WhichCell, WhichRows};
use crate::selection::Selection;

/// Splits stored rows into slices and runs `query` on each of them, several at the same time.
///
/// In the query, `source()` without arguments reads the slice. The order of rows is not kept. Arguments that are left out
/// default to the variables `ClientId`, `FlowId`, `ArtifactName`, `StartTime` and `EndTime`.
#[derive(VqlArgs)]
pub struct Args {
    #[arg(flatten)]
    which: WhichRows,
    /// Only events that the server received from this time on.
    start_time: Option<i64>,
    /// Only events that the server received before this time.
    end_time: Option<i64>,
    #[arg(flatten)]
    cell: WhichCell,
    /// The table of the cell.
    notebook_cell_table: Option<i64>,
    /// The query, which reads its slice with `source()`.
    query: Query,
    /// Number of slices to process at the same time; by default the number of processors.
    workers: Option<i64>,
    /// Rows per slice; by default a tenth of all, but at least 1000.
    batch: Option<i64>,
}

/// The plugin.
pub struct Parallelize;

/// Minimum rows per slice by default: with fewer, starting a query costs more than its rows.
const MIN_BATCH: u64 = 1000;

impl Plugin for Parallelize {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "parallelize";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const EXAMPLES: &'static [Example] = &[
        example(
            "every row once",
            "SELECT N FROM parallelize(client_id='C.0123456789abcdef', flow_id='F.EXAMPLE', artifact='Custom.Numbers', batch=2,
                query={ SELECT N FROM source() }) ORDER BY N",
            r#"[{"N":0},{"N":1},{"N":2},{"N":3},{"N":4}]"#,
        ),
        example(
            "the variables of each slice",
            "SELECT * FROM parallelize(client_id='C.0123456789abcdef', flow_id='F.EXAMPLE', artifact='Custom.Numbers', batch=2,
                query={ SELECT StartRow, `Limit`, count() AS Rows FROM source() GROUP BY 1 }) ORDER BY StartRow",
            r#"[{"StartRow":0,"Limit":2,"Rows":2},{"StartRow":2,"Limit":2,"Rows":2},{"StartRow":4,"Limit":2,"Rows":1}]"#,
        ),
        fails(
            "no query",
            "parallelize(client_id='C.0123456789abcdef', flow_id='F.EXAMPLE')",
            "parallelize: Field query is required",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let stored = Stored::of(scope)?;
        let notebook = [
            args.cell.notebook_id,
            args.cell.notebook_cell_id,
            args.notebook_cell_table.map(|table| table.to_string()),
        ];
        let notebook = notebook.into_iter().flatten().next();
        let times = (args.start_time.map(Value::Int), args.end_time.map(Value::Int));
        let selection = Selection::new(scope, args.which, notebook, times)?;
        let total = selection.rows(scope, &stored)?.count();
        let batch = given(args.batch).unwrap_or_else(|| (total / 10).max(MIN_BATCH));
        let workers = given(args.workers)
            .and_then(|workers| usize::try_from(workers).ok())
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        let slice = |start: u64| {
            Row::from_pairs([
                ("ClientId", Value::from(selection.client_id.as_str())),
                (
                    "FlowId",
                    Value::from(selection.flow_id.as_ref().map_or("", FlowId::as_str)),
                ),
                ("HuntId", Value::from("")),
                ("ArtifactName", Value::from(selection.artifact.as_str())),
                ("StartTime", args.start_time.map_or(Value::Null, Value::Int)),
                ("EndTime", args.end_time.map_or(Value::Null, Value::Int)),
                ("NotebookId", Value::from("")),
                ("NotebookCellId", Value::from("")),
                ("NotebookCellTable", Value::Int(0)),
                ("StartRow", Value::Int(clip(start))),
                ("Limit", Value::Int(clip(batch))),
            ])
        };
        let slices = |scope: &Scope, sink: &mut dyn RowSink| {
            let mut start = 0;
            while start < total {
                scope.checkpoint()?;
                sink.push(slice(start))?;
                start = start.saturating_add(batch);
            }
            Ok(())
        };
        for_each_row(scope, slices, &args.query, workers, rows.sink())
    }
}

/// The number, if it is above zero.
fn given(number: Option<i64>) -> Option<u64> {
    number
        .and_then(|number| u64::try_from(number).ok())
        .filter(|number| *number > 0)
}

fn clip(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
