//! `flows()`: the collections of a client.

use peregrine_engine::prelude::*;
use peregrine_store::{Flow, FlowQuery, FlowSort};

use crate::args::id;
use crate::{Stored, records};

/// Lists the collections of a client, newest first.
#[derive(VqlArgs)]
pub struct Args {
    /// The client's id.
    client_id: String,
    /// Only the collection with this id.
    flow_id: Option<String>,
    /// Leave out `request` and `query_stats`.
    #[arg(default = false)]
    summary: bool,
}

/// The plugin.
pub struct Flows;

/// Collections per read of the database.
const PAGE: u64 = 200;

impl Plugin for Flows {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "flows";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const COLUMNS: &'static [ColumnSpec] = &[
        shown("session_id", "The collection's id."),
        shown("client_id", "The client's id."),
        shown(
            "create_time",
            "When it was created, in microseconds since 1970, like the other times.",
        ),
        shown("start_time", "When the client started it."),
        shown("active_time", "When the client last reported progress."),
        shown(
            "state",
            "`WAITING`, `IN_PROGRESS`, `UNRESPONSIVE`, `FINISHED` or `ERROR`; cancelled collections are `ERROR`, too.",
        ),
        shown("status", "The error message, or who cancelled it."),
        shown("artifacts_with_results", "Sources with rows."),
        shown("total_uploaded_files", "Number of uploaded files."),
        shown("total_uploaded_bytes", "Uploaded bytes."),
        shown("total_collected_rows", "Number of rows."),
        shown("total_logs", "Number of log lines."),
        shown(
            "execution_duration",
            "Duration of its longest query, in nanoseconds.",
        ),
        shown("request", "The request; not in a summary."),
        shown("query_stats", "The status of each query; not in a summary."),
    ];
    const EXAMPLES: &'static [Example] = &[example(
        "their states",
        "SELECT session_id, state, artifacts_with_results FROM flows(client_id='C.0123456789abcdef')",
        r#"[{"session_id":"F.EXAMPLE","state":"FINISHED","artifacts_with_results":["Custom.Numbers"]}]"#,
    )];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let stored = Stored::of(scope)?;
        let client_id = id(&args.client_id)?;
        if let Some(flow_id) = args.flow_id.filter(|id| !id.is_empty()) {
            let found = stored.wait(stored.database.flow(&client_id, &id(&flow_id)?))?;
            return show(scope, &stored, found.as_slice(), args.summary, rows);
        }
        let mut query = FlowQuery {
            client_id: Some(client_id),
            sort: FlowSort::Created,
            descending: true,
            limit: PAGE,
            ..FlowQuery::default()
        };
        loop {
            scope.checkpoint()?;
            let page = stored.wait(stored.database.flows(query.clone()))?.items;
            query.offset += page.len() as u64;
            let is_last = (page.len() as u64) < PAGE;
            show(scope, &stored, &page, args.summary, rows)?;
            if is_last {
                return Ok(());
            }
        }
    }
}

fn show(
    scope: &Scope,
    stored: &Stored,
    flows: &[Flow],
    is_summary: bool,
    rows: &mut Rows<'_, DynRow>,
) -> VqlResult<()> {
    for record in records::flows(scope, stored, flows, is_summary)? {
        rows.push(record.to_row())?;
    }
    Ok(())
}
