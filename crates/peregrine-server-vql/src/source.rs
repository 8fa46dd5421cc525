//! `source()`: stored rows of a collection, of a hunt, or of events.

use peregrine_engine::prelude::*;

use crate::Stored;
use crate::args::{WhichCell, WhichRows, only_root};
use crate::selection::Selection;

/// Returns the rows of a collection or of all clients of a hunt, or the events of a client.
///
/// Arguments that are left out default to the variables `ClientId`, `FlowId`, `HuntId`, `ArtifactName`, `StartTime`, `EndTime`,
/// `StartRow` and `Limit`, with which `parallelize()` selects a slice. Without a collection or a hunt, events are returned. The
/// variable `HuntId` does not count if a client or a collection is named.
#[derive(VqlArgs)]
pub struct Args {
    #[arg(flatten)]
    which: WhichRows,
    /// Only events that the server received from this time on.
    start_time: Option<Value>,
    /// Only events that the server received before this time.
    end_time: Option<Value>,
    #[arg(flatten)]
    cell: WhichCell,
    /// The version of the cell.
    notebook_cell_version: Option<String>,
    /// The table of the cell.
    notebook_cell_table: Option<i64>,
    /// Number of rows to skip.
    start_row: Option<i64>,
    /// Maximum number of rows.
    count: Option<i64>,
    /// Organisations. There is only the root organisation: others fail with a message.
    orgs: Option<Vec<String>>,
}

/// The plugin.
pub struct Source;

impl Plugin for Source {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "source";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const EXAMPLES: &'static [Example] = &[
        example(
            "rows of a collection",
            "SELECT N FROM source(client_id='C.0123456789abcdef', flow_id='F.EXAMPLE', artifact='Custom.Numbers', start_row=1, count=2)",
            r#"[{"N":1},{"N":2}]"#,
        ),
        example(
            "events of a machine",
            "SELECT N FROM source(client_id='C.0123456789abcdef', artifact='Custom.Events', start_time=1600000001)",
            r#"[{"N":1}]"#,
        ),
        example(
            "rows of all clients of a hunt",
            "SELECT * FROM source(hunt_id='H.EXAMPLE', artifact='Custom.Numbers', start_row=2)",
            r#"[{"N":2,"FlowId":"F.EXAMPLE.H","ClientId":"C.00000000000000e1","_OrgId":"root","Fqdn":"web2.example.org"},{"N":7,"FlowId":"F.EXAMPLE.H","ClientId":"C.00000000000000e2","_OrgId":"root","Fqdn":"db1.example.org"}]"#,
        ),
        fails(
            "no such artifact",
            "source(client_id='C.0123456789abcdef', flow_id='F.EXAMPLE', artifact='Custom.Other')",
            "source: no rows in `F.EXAMPLE` for `Custom.Other`; available: Custom.Numbers",
        ),
        fails(
            "no client",
            "source(flow_id='F.EXAMPLE')",
            "source: Field client_id is required",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let stored = Stored::of(scope)?;
        let start = number(scope, args.start_row, "StartRow").unwrap_or(0);
        let count = number(scope, args.count, "Limit");
        only_root(args.orgs.as_deref())?;
        let notebook = [
            args.cell.notebook_id,
            args.cell.notebook_cell_id,
            args.notebook_cell_version,
            args.notebook_cell_table.map(|table| table.to_string()),
        ];
        let notebook = notebook.into_iter().flatten().next();
        let times = (args.start_time, args.end_time);
        let selection = Selection::new(scope, args.which, notebook, times)?;
        selection
            .rows(scope, &stored)?
            .slice(start, count)
            .each(scope, rows.sink())
    }
}

/// The argument, else the variable of that name.
fn number(scope: &Scope, given: Option<i64>, name: &str) -> Option<u64> {
    let from_scope = || match scope.get(name)?.reduce(scope) {
        Value::Int(number) => Some(number),
        _ => None,
    };
    given
        .or_else(from_scope)
        .and_then(|number| u64::try_from(number).ok())
}
