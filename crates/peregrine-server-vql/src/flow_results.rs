//! `flow_results()`: the rows a collection brought.

use peregrine_engine::prelude::*;
use peregrine_store::SetKind;

use crate::Stored;
use crate::selection::{Selection, full_name};

/// Gives the rows a collection brought.
#[derive(VqlArgs)]
pub struct Args {
    /// The artifact, or `Artifact/Source`; the first that has rows when left out.
    artifact: Option<String>,
    /// The source of the artifact.
    source: Option<String>,
    /// The collection.
    flow_id: String,
    /// The machine.
    client_id: String,
}

/// The plugin.
pub struct FlowResults;

impl Plugin for FlowResults {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "flow_results";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const EXAMPLES: &'static [Example] = &[
        example(
            "the first artifact's rows",
            "SELECT N FROM flow_results(client_id='C.0123456789abcdef', flow_id='F.EXAMPLE') WHERE N > 3",
            r#"[{"N":4}]"#,
        ),
        fails(
            "no such collection",
            "flow_results(client_id='C.0123456789abcdef', flow_id='F.NONE')",
            "flow_results: collection `F.NONE` of `C.0123456789abcdef` not found",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let stored = Stored::of(scope)?;
        let selection = Selection {
            client_id: args.client_id,
            flow_id: args.flow_id,
            artifact: full_name(args.artifact.unwrap_or_default(), args.source.unwrap_or_default()),
            ..Selection::default()
        };
        selection
            .rows_of(&stored, SetKind::Rows)?
            .each(scope, rows.sink())
    }
}
