//! `parallelize()`: a query over slices of stored rows, on all processors.

use peregrine_engine::parallel::for_each_row;
use peregrine_engine::prelude::*;
use peregrine_store::FlowId;

use crate::Stored;
use crate::args::{WhichCell, WhichRows};
use crate::selection::{Part, Selection};

/// Splits stored rows into slices and runs `query` on each of them, several at the same time.
///
/// In the query, `source()` without arguments reads the slice. The order of rows is not kept. Arguments that are left out
/// default to the variables `ClientId`, `FlowId`, `HuntId`, `ArtifactName`, `StartTime` and `EndTime`. A slice of a hunt has rows of
/// one client, whose `ClientId` and `FlowId` are added to the rows of the query.
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
        example(
            "how many rows each client of a hunt has",
            "SELECT ClientId, Rows FROM parallelize(hunt_id='H.EXAMPLE', query={ SELECT count() AS Rows FROM source() GROUP BY 1 }) ORDER BY ClientId",
            r#"[{"ClientId":"C.00000000000000e1","Rows":3},{"ClientId":"C.00000000000000e2","Rows":1}]"#,
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
        let parts = selection.parts(scope, &stored)?;
        let total: u64 = parts.iter().map(|part| part.rows).sum();
        let batch = given(args.batch).unwrap_or_else(|| (total / 10).max(MIN_BATCH));
        let workers = given(args.workers)
            .and_then(|workers| usize::try_from(workers).ok())
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        let slice = |part: &Part, start: u64| {
            Row::from_pairs([
                ("ClientId", Value::from(part.client_id.as_str())),
                (
                    "FlowId",
                    Value::from(part.flow_id.as_ref().map_or("", FlowId::as_str)),
                ),
                ("HuntId", Value::from(part.hunt_id.as_str())),
                ("ArtifactName", Value::from(part.artifact.as_str())),
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
            for part in &parts {
                let mut start = 0;
                while start < part.rows {
                    scope.checkpoint()?;
                    sink.push(slice(part, start))?;
                    start = start.saturating_add(batch);
                }
            }
            Ok(())
        };
        let query = match selection.is_of_hunt() {
            true => Query::new(WithOrigin(args.query)),
            false => args.query,
        };
        for_each_row(scope, slices, &query, workers, rows.sink())
    }
}

/// A query over a slice of a hunt, whose rows get the columns `ClientId` and `FlowId` unless they have them.
struct WithOrigin(Query);

impl QuerySource for WithOrigin {
    fn run(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        let origin = ["ClientId", "FlowId"].map(|name| (name, scope.get(name).unwrap_or_default()));
        let mut add = FnSink(|row: Row| {
            let mut entries = row.entries();
            for (name, value) in &origin {
                if row.get(name).is_none() {
                    entries.push(((*name).into(), value.clone()));
                }
            }
            rows.push(Row::from_pairs(entries))
        });
        self.0.run(scope, &mut add)
    }

    fn text(&self) -> String {
        self.0.text()
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
