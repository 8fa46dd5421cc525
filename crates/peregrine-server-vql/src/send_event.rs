//! `send_event()`: adds a row to the events of an artifact.

use peregrine_engine::prelude::*;
use peregrine_services::events;
use peregrine_store::ClientId;

use crate::Live;
use crate::args::id;
use crate::specs::to_serde;

/// Adds a row to a queue of the server, or to the events of an artifact, as if it had come from a client or from an event query
/// of the server. `watch_monitoring()` sees it. Returns the row.
///
/// The row gets `_Sender`, the user. Rows of a queue of type INTERNAL are not stored. Queues in which the server tells what it
/// did itself take no rows of users.
#[derive(VqlArgs)]
pub struct Args {
    /// The queue or artifact: `Name`, or `Name/Source`.
    artifact: String,
    /// The client that the row is about; by default the server.
    client_id: Option<String>,
    /// The row.
    row: Value,
}

/// The function.
pub struct SendEvent;

impl Function for SendEvent {
    type Args = Args;
    const NAME: &'static str = "send_event";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ServerAdmin];
    const EXAMPLES: &'static [Example] = &[
        example(
            "a row of a client",
            "LET _ <= send_event(artifact='Generic.Client.Stats', client_id='C.0123456789abcdef', row=dict(CPU=1))\n\
             SELECT CPU, ClientId, _Sender FROM monitoring(client_id='C.0123456789abcdef', artifact='Generic.Client.Stats')",
            r#"[{"CPU":1,"ClientId":"C.0123456789abcdef","_Sender":"admin"}]"#,
        ),
        fails(
            "an artifact that has no events",
            "send_event(artifact='Linux.Sys.Pslist', row=dict(A=1))",
            "`Linux.Sys.Pslist` is of type CLIENT, so it has no events",
        ),
        fails(
            "a queue of which only the server writes",
            "send_event(artifact='System.Flow.Completion', client_id='C.0123456789abcdef', row=dict(A=1))",
            "takes no rows of users",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let live = Live::of(scope)?;
        scope.check_access(Permission::ServerAdmin)?;
        let client_id = match args.client_id.as_deref() {
            None | Some("") => ClientId::server(),
            Some(client_id) => id(client_id)?,
        };
        let given = args.row.reduce(scope);
        let serde_json::Value::Object(row) = to_serde(scope, &given)? else {
            return Err("`row` must be a dict".into());
        };
        live.wait(events::send(
            &live.core,
            &live.principal,
            &args.artifact,
            &client_id,
            row,
        ))?;
        Ok(given)
    }
}
