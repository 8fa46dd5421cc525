//! `monitoring_logs()`: the log of an event query.

use peregrine_engine::prelude::*;
use peregrine_store::SetKind;

use crate::Stored;
use crate::args::WhichEvents;
use crate::selection::Selection;

/// Returns the log of an event query on a client.
#[derive(VqlArgs)]
pub struct Args {
    #[arg(flatten)]
    which: WhichEvents,
}

/// The plugin.
pub struct MonitoringLogs;

impl Plugin for MonitoringLogs {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "monitoring_logs";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const COLUMNS: &'static [ColumnSpec] = &[
        shown("client_time", "When the client logged it, in seconds since 1970."),
        shown("level", "The severity: `DEBUG`, `INFO`, `WARN` or `ERROR`."),
        shown("message", "The text."),
    ];
    const EXAMPLES: &'static [Example] = &[example(
        "its messages",
        "SELECT message FROM monitoring_logs(client_id='C.0123456789abcdef', artifact='Custom.Events')",
        r#"[{"message":"watching"}]"#,
    )];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let stored = Stored::of(scope)?;
        let selection = Selection::events(scope, args.which)?;
        let lines = selection.rows_of(scope, &stored, SetKind::EventLogs)?;
        lines.each(scope, rows.sink())
    }
}
