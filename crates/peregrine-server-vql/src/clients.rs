//! `clients()`: the machines a server knows.

use peregrine_engine::prelude::*;
use peregrine_store::{Client, ClientQuery, ClientSort};

use crate::args::id;
use crate::{Stored, records};

/// Lists machines, by host name.
///
/// The search is that of the GUI: `host:web*`, `label:prod`, `ip:10.`, `mac:`, an id, or a word; empty means all.
#[derive(VqlArgs)]
pub struct Args {
    /// Which machines.
    search: Option<String>,
    /// Only this machine.
    client_id: Option<String>,
}

/// The plugin.
pub struct Clients;

/// Machines read at a time.
const PAGE: u64 = 500;

impl Plugin for Clients {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "clients";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const COLUMNS: &'static [ColumnSpec] = &[
        shown("client_id", "Its id."),
        shown(
            "agent_information",
            "The agent: `version`, `name`, `build_time`, `build_url`.",
        ),
        shown(
            "os_info",
            "The system: `system`, `hostname`, `release`, `machine`, `fqdn`, `mac_addresses`.",
        ),
        shown("first_seen_at", "When it enrolled, in microseconds since 1970."),
        shown(
            "last_seen_at",
            "When it was last heard, in microseconds since 1970.",
        ),
        shown("last_ip", "The address it was last heard from."),
        shown(
            "last_interrogate_flow_id",
            "The collection that last asked who it is.",
        ),
        shown("labels", "Its labels."),
        shown(
            "last_event_table_version",
            "The monitoring table it was last sent.",
        ),
        shown("last_label_timestamp", "When its labels last changed."),
        shown("in_flight_flows", "Collections it works on."),
        shown("metadata", "What people noted about it."),
    ];
    const EXAMPLES: &'static [Example] = &[
        example(
            "by label",
            "SELECT client_id, os_info.fqdn AS Name FROM clients(search='label:example')",
            r#"[{"client_id":"C.0123456789abcdef","Name":"web1.example.org"}]"#,
        ),
        example("nobody", "clients(client_id='C.0000000000000000')", "[]"),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let stored = Stored::of(scope)?;
        if let Some(client_id) = args.client_id.filter(|id| !id.is_empty()) {
            let found = stored.wait(stored.database.client(&id(&client_id)?))?;
            return show(&stored, found.as_slice(), rows);
        }
        let mut query = ClientQuery {
            filter: peregrine_services::clients::parse_search(&args.search.unwrap_or_default()),
            sort: ClientSort::Hostname,
            limit: PAGE,
            ..ClientQuery::default()
        };
        loop {
            scope.checkpoint()?;
            let page = stored.wait(stored.database.clients(query.clone()))?.items;
            query.offset += page.len() as u64;
            let is_last = (page.len() as u64) < PAGE;
            show(&stored, &page, rows)?;
            if is_last {
                return Ok(());
            }
        }
    }
}

fn show(stored: &Stored, clients: &[Client], rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
    for record in records::clients(stored, clients)? {
        rows.push(record.to_row())?;
    }
    Ok(())
}
