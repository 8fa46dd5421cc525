//! `hunts()`: the hunts of a server.

use peregrine_engine::prelude::*;
use peregrine_store::{Hunt, HuntQuery, HuntSort};

use crate::args::id;
use crate::{Stored, hunt_records};

/// Lists hunts, also archived ones, oldest first.
#[derive(VqlArgs)]
pub struct Args {
    /// Only the hunt with this id; nothing if there is none.
    hunt_id: Option<String>,
    /// Leave out `start_request`.
    #[arg(default = false)]
    summary: bool,
}

/// The plugin.
pub struct Hunts;

/// Hunts per read of the database.
const PAGE: u64 = 200;

impl Plugin for Hunts {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "hunts";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const COLUMNS: &'static [ColumnSpec] = hunt_records::COLUMNS;
    const EXAMPLES: &'static [Example] = &[
        example(
            "how far they are",
            "SELECT hunt_id, state, stats.total_clients_scheduled AS Clients, stats.total_collected_rows AS Rows\n\
             FROM hunts() WHERE hunt_description =~ 'numbers'",
            r#"[{"hunt_id":"H.EXAMPLE","state":"RUNNING","Clients":2,"Rows":4}]"#,
        ),
        example("no such hunt", "hunts(hunt_id='H.NONE')", "[]"),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let stored = Stored::of(scope)?;
        if let Some(hunt_id) = args.hunt_id.filter(|id| !id.is_empty()) {
            let found = stored.wait(stored.database.hunt(&id(&hunt_id)?))?;
            return show(found.as_slice(), args.summary, rows);
        }
        let mut query = HuntQuery {
            sort: HuntSort::Created,
            limit: PAGE,
            ..HuntQuery::default()
        };
        loop {
            scope.checkpoint()?;
            let page = stored.wait(stored.database.hunts(query.clone()))?.items;
            query.offset += page.len() as u64;
            let is_last = (page.len() as u64) < PAGE;
            show(&page, args.summary, rows)?;
            if is_last {
                return Ok(());
            }
        }
    }
}

fn show(hunts: &[Hunt], is_summary: bool, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
    for hunt in hunts {
        let record = hunt_records::record(hunt);
        if is_summary {
            record.remove("start_request");
        }
        rows.push(record.to_row())?;
    }
    Ok(())
}
