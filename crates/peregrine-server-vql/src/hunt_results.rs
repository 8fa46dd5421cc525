//! `hunt_results()`: the rows of a hunt.

use peregrine_engine::prelude::*;

use crate::Stored;
use crate::args::{id, only_root};
use crate::selection::{Selection, full_name};

/// Returns the rows of a hunt: those of all its clients, each with the columns `FlowId`, `ClientId`, `_OrgId` and `Fqdn`.
///
/// Columns of the artifact with these names are replaced. Rows come in the order in which the clients began to answer.
#[derive(VqlArgs)]
pub struct Args {
    /// The artifact, or `Artifact/Source`; by default the first one of the hunt.
    artifact: Option<String>,
    /// The source of the artifact.
    source: Option<String>,
    /// The hunt's id.
    hunt_id: String,
    /// Not used: rows always have all columns.
    #[arg(name = "brief")]
    _brief: Option<bool>,
    /// Organisations. There is only the root organisation: others fail with a message.
    orgs: Option<Vec<String>>,
}

/// The plugin.
pub struct HuntResults;

impl Plugin for HuntResults {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "hunt_results";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const EXAMPLES: &'static [Example] = &[
        example(
            "rows of all clients",
            "SELECT N, Fqdn FROM hunt_results(hunt_id='H.EXAMPLE') WHERE N > 1",
            r#"[{"N":2,"Fqdn":"web2.example.org"},{"N":7,"Fqdn":"db1.example.org"}]"#,
        ),
        fails(
            "an artifact that it does not collect",
            "hunt_results(hunt_id='H.EXAMPLE', artifact='Custom.Other')",
            "no rows in `H.EXAMPLE` for `Custom.Other`; available: Custom.Numbers",
        ),
        fails(
            "no such hunt",
            "hunt_results(hunt_id='H.NONE')",
            "hunt `H.NONE` not found",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let stored = Stored::of(scope)?;
        only_root(args.orgs.as_deref())?;
        let artifact = full_name(args.artifact.unwrap_or_default(), args.source.unwrap_or_default());
        Selection::of_hunt(id(&args.hunt_id)?, artifact)
            .rows(scope, &stored)?
            .each(scope, rows.sink())
    }
}
