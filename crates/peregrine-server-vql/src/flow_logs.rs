//! `flow_logs()`: the log of a collection.

use peregrine_engine::prelude::*;
use peregrine_store::SetKind;

use crate::Stored;
use crate::selection::Selection;

/// Returns the log of a collection.
#[derive(VqlArgs)]
pub struct Args {
    /// The collection's id.
    flow_id: String,
    /// The client's id.
    client_id: String,
}

/// The plugin.
pub struct FlowLogs;

impl Plugin for FlowLogs {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "flow_logs";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const COLUMNS: &'static [ColumnSpec] = &[
        shown("client_time", "When the client logged it, in seconds since 1970."),
        shown("level", "The severity: `DEBUG`, `INFO`, `WARN` or `ERROR`."),
        shown("message", "The text."),
    ];
    const EXAMPLES: &'static [Example] = &[example(
        "its messages",
        "SELECT level, message FROM flow_logs(client_id='C.0123456789abcdef', flow_id='F.EXAMPLE')",
        r#"[{"level":"INFO","message":"Starting query"}]"#,
    )];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let stored = Stored::of(scope)?;
        Selection::of_flow(&args.client_id, &args.flow_id, String::new())?
            .rows_of(scope, &stored, SetKind::Logs)?
            .each(scope, rows.sink())
    }
}
