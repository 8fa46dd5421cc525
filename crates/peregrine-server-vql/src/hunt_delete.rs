//! `hunt_delete()`: deletes a hunt.

use peregrine_engine::prelude::*;
use peregrine_services::{Error, hunts};
use peregrine_store::{HuntId, StartedFlow};

use crate::args::id;
use crate::flow_parts::{self, Part};
use crate::{Live, hunt_records};

/// Deletes a hunt with the collections it started, their files and rows; what still runs is cancelled first. Collections that were
/// added to it by hand stay. Lists what is deleted, in the form of rows of `enumerate_flow()`, and then deletes it, also if not
/// all of the rows are wanted.
///
/// Without `really_do_it` it only lists, and deletes nothing.
#[derive(VqlArgs)]
pub struct Args {
    /// The hunt's id.
    hunt_id: String,
    /// Delete it.
    #[arg(default = false)]
    really_do_it: bool,
    /// Not used: the server decides how many collections are deleted at the same time.
    #[arg(name = "workers")]
    _workers: Option<i64>,
    /// Delete nothing, but stop the hunt and leave it out of the lists of the GUI.
    #[arg(default = false)]
    archive: bool,
}

/// The plugin.
pub struct HuntDelete;

/// Clients per read of the database.
const PAGE: u64 = 200;

impl Plugin for HuntDelete {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "hunt_delete";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ServerAdmin];
    const COLUMNS: &'static [ColumnSpec] = &[
        shown("Id", "Counts the parts from 1."),
        shown(
            "Type",
            "As in `enumerate_flow()`; at the end `Hunt`, for the hunt itself.",
        ),
        shown("Data", "As in `enumerate_flow()`; for the hunt its `HuntId`."),
        shown(
            "Error",
            "Always empty: either everything is deleted, or the call fails.",
        ),
    ];
    const EXAMPLES: &'static [Example] = &[
        example(
            "what would be deleted",
            "SELECT Type, Data FROM hunt_delete(hunt_id='H.EXAMPLE') WHERE Type =~ 'Result|Hunt'",
            r#"[{"Type":"Result","Data":{"Name":"Custom.Numbers","Rows":3}},{"Type":"Result","Data":{"Name":"Custom.Numbers","Rows":1}},{"Type":"Hunt","Data":{"HuntId":"H.EXAMPLE"}}]"#,
        ),
        example(
            "delete it",
            "SELECT Id, Type, Error FROM hunt_delete(hunt_id='H.OLD', really_do_it=TRUE)",
            r#"[{"Id":1,"Type":"Hunt","Error":""}]"#,
        ),
        fails(
            "no such hunt",
            "hunt_delete(hunt_id='H.NONE', really_do_it=TRUE)",
            "hunt `H.NONE` not found",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let live = Live::of(scope)?;
        scope.check_access(Permission::ServerAdmin)?;
        // A dry run asks no service that would check this.
        live.authorize(Permission::ServerAdmin)?;
        let hunt_id = id(&args.hunt_id)?;
        hunt_records::find_live(&live, &hunt_id)?;
        if args.archive {
            live.wait(hunts::archive(&live.core, &live.principal, &hunt_id))?;
            return Ok(());
        }
        let listed = list(scope, &live, &hunt_id, rows);
        match &listed {
            // The rows that were wanted say that the hunt is deleted.
            Err(VqlError::Stopped) if !scope.cancellation().is_cancelled() => {}
            Err(_) => return listed,
            Ok(()) => {}
        }
        if args.really_do_it {
            live.wait(hunts::delete(&live.core, &live.principal, &hunt_id))?;
        }
        listed
    }
}

/// Pushes the parts of every collection that the hunt started, and the hunt itself.
fn list(scope: &Scope, live: &Live, hunt_id: &HuntId, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
    let database = &live.core.storage.database;
    let mut ids = 1..;
    let mut push =
        |part: Part| -> VqlResult<()> { Ok(rows.push(part.to_row(ids.next().unwrap_or(i64::MAX)))?) };
    let mut after = None;
    loop {
        scope.checkpoint()?;
        let page = live.wait(async { Ok(database.flows_of_hunt(hunt_id, after.take(), PAGE).await?) })?;
        for flow in &page.flows {
            for part in parts(live, flow)? {
                push(part)?;
            }
        }
        after = page.clients.last().cloned();
        if after.is_none() {
            break;
        }
    }
    push(Part {
        kind: "Hunt",
        data: Dict::from_pairs([("HuntId", hunt_id.as_str())]),
    })
}

/// The parts of a collection; none if it was deleted meanwhile.
fn parts(live: &Live, flow: &StartedFlow) -> VqlResult<Vec<Part>> {
    let database = &*live.core.storage.database;
    live.wait(async {
        match flow_parts::read(database, &flow.client_id, &flow.flow_id).await {
            Err(Error::NotFound(..)) => Ok(Vec::new()),
            found => found,
        }
    })
}
