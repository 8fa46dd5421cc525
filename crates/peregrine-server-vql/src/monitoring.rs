//! `monitoring()`: events from a client.

use peregrine_engine::prelude::*;
use peregrine_store::SetKind;

use crate::Stored;
use crate::args::WhichEvents;
use crate::selection::Selection;

/// Returns the events that a client sent for an artifact; `_ts` is the time the server received them.
#[derive(VqlArgs)]
pub struct Args {
    #[arg(flatten)]
    which: WhichEvents,
    /// Number of rows to skip.
    start_row: Option<i64>,
}

/// The plugin.
pub struct Monitoring;

impl Plugin for Monitoring {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "monitoring";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const EXAMPLES: &'static [Example] = &[
        example(
            "in a span of time",
            "SELECT N, _ts FROM monitoring(client_id='C.0123456789abcdef', artifact='Custom.Events', end_time='2020-09-13T12:26:41Z')",
            r#"[{"N":0,"_ts":1600000000}]"#,
        ),
        fails(
            "a misspelt artifact",
            "monitoring(client_id='C.0123456789abcdef', artifact='Custom.Evnts')",
            "no events of `C.0123456789abcdef` for `Custom.Evnts`; available: Custom.Events",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let stored = Stored::of(scope)?;
        let selection = Selection::events(scope, args.which)?;
        let start = args
            .start_row
            .and_then(|row| u64::try_from(row).ok())
            .unwrap_or(0);
        let events = selection.rows_of(scope, &stored, SetKind::Events)?;
        events.slice(start, None).each(scope, rows.sink())
    }
}
