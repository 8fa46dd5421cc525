//! `flow_results()`: the rows of a collection.

use peregrine_engine::prelude::*;
use peregrine_store::SetKind;

use crate::Stored;
use crate::selection::{Selection, full_name};

/// Returns the rows of a collection.
#[derive(VqlArgs)]
pub struct Args {
    /// The artifact, or `Artifact/Source`; by default the first one with rows.
    artifact: Option<String>,
    /// The source of the artifact.
    source: Option<String>,
    /// The collection's id.
    flow_id: String,
    /// The client's id.
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
        let artifact = full_name(args.artifact.unwrap_or_default(), args.source.unwrap_or_default());
        Selection::of_flow(&args.client_id, &args.flow_id, artifact)?
            .rows_of(scope, &stored, SetKind::Rows)?
            .each(scope, rows.sink())
    }
}
