//! `delete_events()`: deletes events.

use peregrine_engine::prelude::*;
use peregrine_services::clock;
use peregrine_services::events::{self, EventPart, EventSpan};

use crate::Live;
use crate::args::id;
use crate::selection::moment;

/// Deletes events that the server received from a client for an artifact, with the messages of the queries that made them. Returns
/// what is deleted: a row for each source.
///
/// Without `really_do_it` it only lists, and deletes nothing. If no such event ever came, there are no rows. Deleting what lies
/// between events that stay takes longer the more events are older than that.
#[derive(VqlArgs)]
pub struct Args {
    /// The artifact or queue, with all its sources, or `Artifact/Source` for one of them.
    artifact: String,
    /// The client's id; `server` for events of the server.
    client_id: String,
    /// Only events that the server received from this time on; by default from the first one on.
    start_time: Option<Value>,
    /// Only events that the server received before this time; by default before now.
    end_time: Option<Value>,
    /// Delete them.
    #[arg(default = false)]
    really_do_it: bool,
}

/// The plugin.
pub struct DeleteEvents;

impl Plugin for DeleteEvents {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "delete_events";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::DeleteResults];
    const COLUMNS: &'static [ColumnSpec] = &[
        shown("Id", "Counts the rows from 1."),
        shown(
            "Type",
            "`EventFile` for events, `EventQueryLogFile` for the messages of their queries.",
        ),
        shown(
            "Data",
            "In `VFSPath` the names that lead to the events, in `Rows` how many of them are between the two times.",
        ),
        shown(
            "Error",
            "Always empty: either everything is deleted, or the call fails.",
        ),
    ];
    const EXAMPLES: &'static [Example] = &[
        example(
            "what would be deleted",
            "SELECT Type, Data FROM delete_events(client_id='C.0123456789abcdef', artifact='Custom.Events', end_time='2020-09-13T12:26:41Z')",
            r#"[{"Type":"EventFile","Data":{"VFSPath":"/clients/C.0123456789abcdef/monitoring/Custom.Events","Rows":1}}]"#,
        ),
        example(
            "delete those of a day",
            "SELECT Type, Error FROM delete_events(client_id='C.00000000000000a4', artifact='Custom.Old', really_do_it=TRUE,\n\
             \x20 start_time='2020-09-13', end_time='2020-09-14')",
            r#"[{"Type":"EventFile","Error":""}]"#,
        ),
        fails(
            "no such client",
            "delete_events(client_id='C.0000000000000000', artifact='Custom.Events')",
            "client `C.0000000000000000` not found",
        ),
        fails(
            "a time that is none",
            "delete_events(client_id='C.0123456789abcdef', artifact='Custom.Events', end_time='soon')",
            "end_time `soon` is not a time",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let live = Live::of(scope)?;
        scope.check_access(Permission::DeleteResults)?;
        let time = |given: Option<Value>, name| moment(scope, &given.unwrap_or_default().reduce(scope), name);
        let span = EventSpan {
            client_id: id(&args.client_id)?,
            artifact: args.artifact,
            start: time(args.start_time, "start_time")?,
            // Without an end, events that come meanwhile would be deleted unlisted.
            end: Some(time(args.end_time, "end_time")?.unwrap_or_else(clock::now)),
        };
        let parts = live.wait(events::find(&live.core, &live.principal, &span))?;
        if args.really_do_it {
            live.wait(events::delete(&live.core, &live.principal, &span, &parts))?;
        }
        for (id, part) in (1..).zip(&parts) {
            rows.push(to_row(id, &span, part))?;
        }
        Ok(())
    }
}

fn to_row(id: i64, span: &EventSpan, part: &EventPart) -> Row {
    let client_id = &span.client_id;
    let (kind, folder) = match (part.is_log(), client_id.is_server()) {
        (false, false) => ("EventFile", format!("/clients/{client_id}/monitoring")),
        (true, false) => (
            "EventQueryLogFile",
            format!("/clients/{client_id}/monitoring_logs"),
        ),
        (false, true) => ("EventFile", "/server_artifacts".to_owned()),
        (true, true) => ("EventQueryLogFile", "/server_artifact_logs".to_owned()),
    };
    let data = Dict::from_pairs([
        ("VFSPath", Value::from(format!("{folder}/{}", part.name()))),
        ("Rows", Value::from(part.rows)),
    ]);
    Row::from_pairs([
        ("Id", Value::Int(id)),
        ("Type", Value::from(kind)),
        ("Data", Value::Dict(data)),
        ("Error", Value::from("")),
    ])
}
