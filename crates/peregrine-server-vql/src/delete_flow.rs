//! `delete_flow()`: deletes a collection.

use peregrine_engine::prelude::*;
use peregrine_services::flows;

use crate::args::id;
use crate::{Live, flow_parts};

/// Deletes a collection with its files and rows; one that still runs is cancelled first. Returns what is deleted, in the form
/// of rows of `enumerate_flow()`.
///
/// Without `really_do_it` it only lists, and deletes nothing.
#[derive(VqlArgs)]
pub struct Args {
    /// The collection's id.
    flow_id: String,
    /// The client's id.
    client_id: String,
    /// Delete it.
    #[arg(default = false)]
    really_do_it: bool,
    /// Not used: the list of collections is always up to date.
    #[arg(name = "sync")]
    _sync: Option<bool>,
}

/// The plugin.
pub struct DeleteFlow;

impl Plugin for DeleteFlow {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "delete_flow";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::DeleteResults];
    const COLUMNS: &'static [ColumnSpec] = flow_parts::COLUMNS;
    const EXAMPLES: &'static [Example] = &[
        example(
            "what would be deleted",
            "SELECT Type, Data FROM delete_flow(client_id='C.00000000000000a4', flow_id='F.KEPT')",
            r#"[{"Type":"CollectionContext","Data":{"FlowId":"F.KEPT"}}]"#,
        ),
        example(
            "delete it",
            "SELECT Type, Error FROM delete_flow(client_id='C.00000000000000a4', flow_id='F.OLD', really_do_it=TRUE)",
            r#"[{"Type":"CollectionContext","Error":""}]"#,
        ),
        fails(
            "no such collection",
            "delete_flow(client_id='C.00000000000000a4', flow_id='F.NONE', really_do_it=TRUE)",
            "flow `F.NONE` not found",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let live = Live::of(scope)?;
        scope.check_access(Permission::DeleteResults)?;
        // A dry run asks no service that would check this.
        live.authorize(Permission::DeleteResults)?;
        let (client_id, flow_id) = (id(&args.client_id)?, id(&args.flow_id)?);
        let parts = live.wait(flow_parts::read(
            &*live.core.storage.database,
            &client_id,
            &flow_id,
        ))?;
        if args.really_do_it {
            live.wait(flows::delete(&live.core, &live.principal, &client_id, &flow_id))?;
        }
        for (id, part) in (1..).zip(parts) {
            rows.push(part.to_row(id))?;
        }
        Ok(())
    }
}
