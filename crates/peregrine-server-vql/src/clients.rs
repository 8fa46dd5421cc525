//! `clients()`: the clients a server knows.

use peregrine_engine::prelude::*;
use peregrine_services::clients::{Words, search_filter};
use peregrine_store::{Client, ClientQuery};

use crate::args::id;
use crate::{Live, Stored, records};

/// Lists the clients that the server knows, sorted by host name.
///
/// `search` is the beginning of a host name or an id, or a verb with a pattern: `host:`, `label:`, `ip:`, `mac:`, `client:`, or a key of
/// metadata. A pattern is the beginning of what is looked for, all of it with `*` for anything, or `beginning/expression/`.
/// `label:none` finds clients without labels, `duplicate:host` and `duplicate:mac` those that share a host name or a hardware address
/// with another one, and `recent:` those that the user opened lately, the last one first. Nothing and `all` find all.
#[derive(VqlArgs)]
pub struct Args {
    /// What to search for; by default all clients.
    search: Option<String>,
    /// Only the client with this id.
    client_id: Option<String>,
}

/// The plugin.
pub struct Clients;

/// Clients per read of the database: each looks for all of them again.
const PAGE: u64 = 5000;

impl Plugin for Clients {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "clients";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const COLUMNS: &'static [ColumnSpec] = &[
        shown("client_id", "The client's id."),
        shown(
            "agent_information",
            "The agent: `version`, `name`, `build_time`, `build_url`.",
        ),
        shown(
            "os_info",
            "The system: `system`, `hostname`, `release`, `machine`, `fqdn`, `mac_addresses`.",
        ),
        shown("first_seen_at", "When it enrolled, in seconds since 1970."),
        shown(
            "last_seen_at",
            "When it was last heard from, in microseconds since 1970.",
        ),
        shown("last_ip", "The address it was last heard from."),
        shown(
            "last_interrogate_flow_id",
            "The collection of its last interrogation.",
        ),
        shown(
            "last_interrogate_artifact_name",
            "The source it was interrogated with; empty before the first interrogation.",
        ),
        shown("labels", "Its labels."),
        shown(
            "last_hunt_timestamp",
            "When it last joined a hunt, in microseconds since 1970; 0 if it never did.",
        ),
        shown(
            "last_event_table_version",
            "The version of the monitoring table it was last sent.",
        ),
        shown(
            "last_label_timestamp",
            "When its labels last changed, in nanoseconds since 1970.",
        ),
        shown(
            "in_flight_flows",
            "Collections it is working on, each with the time it was handed over, in microseconds since 1970.",
        ),
        shown("metadata", "Metadata that users added."),
    ];
    const EXAMPLES: &'static [Example] = &[
        example(
            "by label",
            "SELECT client_id, os_info.fqdn AS Name FROM clients(search='label:example')",
            r#"[{"client_id":"C.0123456789abcdef","Name":"web1.example.org"}]"#,
        ),
        example(
            "by a pattern",
            "SELECT client_id FROM clients(search='host:w*1.example.org')",
            r#"[{"client_id":"C.0123456789abcdef"}]"#,
        ),
        example(
            "by metadata, with a regular expression",
            r"SELECT client_id FROM clients(search='''owner:web/\steam$/''')",
            r#"[{"client_id":"C.0123456789abcdef"}]"#,
        ),
        example(
            "those that are in quarantine",
            "SELECT client_id, labels FROM clients(search='label:Quarantine')",
            "[]",
        ),
        example("no such client", "clients(client_id='C.0000000000000000')", "[]"),
        fails(
            "a verb that does not exist",
            "clients(search='hots:web')",
            "`hots:` is no verb of searches, and no client has metadata with this key; did you mean `host`?",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let stored = Stored::of(scope)?;
        if let Some(client_id) = args.client_id.filter(|id| !id.is_empty()) {
            let found = stored.wait(stored.database.client(&id(&client_id)?))?;
            return show(&stored, found.as_slice(), rows);
        }
        let user = scope.extension::<Live>().map(|live| live.principal.name.clone());
        let text = args.search.unwrap_or_default();
        let filter = search_filter(&*stored.database, user.as_deref(), &text, Words::HostNames);
        let mut query = ClientQuery {
            filter: stored.wait(filter)?,
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
