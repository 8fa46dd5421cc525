//! `client_delete()`: deletes a client.

use peregrine_engine::prelude::*;
use peregrine_services::{Core, Error, Result, clients};
use peregrine_store::{ClientId, FlowQuery, SetKind};

use crate::Live;
use crate::args::id;
use crate::flow_parts::{self, Part};

/// Deletes a client with its collections, events and files. Returns what is deleted. An agent that still runs comes back as a new
/// client with the same id.
///
/// Without `really_do_it` it only lists, and deletes nothing.
#[derive(VqlArgs)]
pub struct Args {
    /// The client's id.
    client_id: String,
    /// Delete it.
    #[arg(default = false)]
    really_do_it: bool,
}

/// The plugin.
pub struct ClientDelete;

/// Collections per read of the database.
const PAGE: u64 = 500;

impl Plugin for ClientDelete {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "client_delete";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ServerAdmin];
    const COLUMNS: &'static [ColumnSpec] = &[
        shown("client_id", "The client's id."),
        shown(
            "type",
            "What it is: a part of a collection as in `enumerate_flow()`, `EventResult` or `EventLog` for events, or `ClientInfo` for the client itself.",
        ),
        shown(
            "vfs_path",
            "Where it is: a file's path, or the names that lead to the rows.",
        ),
        shown(
            "error",
            "Always empty: either everything is deleted, or the call fails.",
        ),
    ];
    const EXAMPLES: &'static [Example] = &[
        example(
            "what would be deleted",
            "SELECT type, vfs_path FROM client_delete(client_id='C.00000000000000a1') WHERE type = 'ClientInfo'",
            r#"[{"type":"ClientInfo","vfs_path":"clients/C.00000000000000a1"}]"#,
        ),
        example(
            "delete it",
            "LET _ <= client_create(client_id='C.00000000000000c2')\n\
             LET _ <= SELECT * FROM client_delete(client_id='C.00000000000000c2', really_do_it=TRUE)\n\
             SELECT * FROM clients(client_id='C.00000000000000c2')",
            "[]",
        ),
        fails(
            "no such client",
            "client_delete(client_id='C.0000000000000000', really_do_it=TRUE)",
            "client `C.0000000000000000` not found",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let live = Live::of(scope)?;
        scope.check_access(Permission::ServerAdmin)?;
        // A dry run asks no service that would check this.
        live.authorize(Permission::ServerAdmin)?;
        let client_id: ClientId = id(&args.client_id)?;
        let parts = live.wait(parts_of(&live.core, &client_id))?;
        if args.really_do_it {
            live.wait(clients::delete(&live.core, &live.principal, &client_id))?;
        }
        for (kind, path) in parts {
            let row = Dict::from_pairs([
                ("client_id", Value::from(client_id.as_str())),
                ("type", Value::from(kind)),
                ("vfs_path", Value::from(path)),
                ("error", Value::from("")),
            ]);
            rows.push(row.to_row())?;
        }
        Ok(())
    }
}

/// What is stored of a client: types and places.
async fn parts_of(core: &Core, client_id: &ClientId) -> Result<Vec<(String, String)>> {
    let database = &core.storage.database;
    clients::get(core, client_id).await?;
    let home = format!("clients/{client_id}");
    let mut parts = Vec::new();
    let mut offset = 0;
    loop {
        let query = FlowQuery {
            client_id: Some(client_id.clone()),
            offset,
            limit: PAGE,
            ..FlowQuery::default()
        };
        let flows = database.flows(query).await?.items;
        for flow in &flows {
            match flow_parts::read(&**database, client_id, &flow.flow_id).await {
                Ok(found) => parts.extend(found.iter().map(|part| place(part, &home, flow.flow_id.as_str()))),
                // Somebody else deleted it.
                Err(Error::NotFound(..)) => {}
                Err(error) => return Err(error),
            }
        }
        offset += PAGE;
        if (flows.len() as u64) < PAGE {
            break;
        }
    }
    for set in database.event_sets(client_id).await? {
        let kind = match set.kind {
            SetKind::EventLogs => "EventLog",
            _ => "EventResult",
        };
        parts.push((kind.to_owned(), format!("{home}/monitoring/{}", set.name)));
    }
    parts.push(("ClientInfo".to_owned(), home));
    Ok(parts)
}

fn place(part: &Part, home: &str, flow_id: &str) -> (String, String) {
    let text = |key: &str| match part.data.get(key) {
        Some(Value::Str(text)) if !text.is_empty() => Some(text.to_string()),
        _ => None,
    };
    let path = text("VFSPath").unwrap_or_else(|| {
        let name = text("Name").map_or(String::new(), |name| format!("/{name}"));
        format!("{home}/collections/{flow_id}{name}")
    });
    (part.kind.to_owned(), path)
}
