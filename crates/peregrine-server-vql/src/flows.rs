//! `flows()`: the collections of a client.

use peregrine_engine::prelude::*;
use peregrine_store::{Flow, FlowQuery, FlowSort};

use crate::args::id;
use crate::{Stored, flow_records};

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
        shown("client_id", "The client's id."),
        shown("session_id", "The collection's id."),
        shown("request", "The request; not in a summary."),
        shown("previous_flows", "Always empty: collections are not added to."),
        shown("backtrace", "Where the first query that failed did so, if known."),
        shown(
            "create_time",
            "When it was created, in microseconds since 1970, like the other times.",
        ),
        shown("start_time", "When the client started it."),
        shown("active_time", "When the client last reported progress."),
        shown(
            "inflight_time",
            "When it was handed to the client; 0 before, and after it has ended.",
        ),
        shown("total_uploaded_files", "Number of uploaded files."),
        shown(
            "total_expected_uploaded_bytes",
            "Bytes that it will have uploaded.",
        ),
        shown("total_uploaded_bytes", "Uploaded bytes."),
        shown("total_collected_rows", "Number of rows."),
        shown("total_logs", "Number of log lines."),
        shown(
            "total_requests",
            "Number of queries; 0 until the client reports progress, like the two below.",
        ),
        shown("outstanding_requests", "Number of queries that still run."),
        shown(
            "transactions_outstanding",
            "Number of uploads that wait to be resumed.",
        ),
        shown("next_response_id", "Always 0: rows have numbers of their own."),
        shown(
            "execution_duration",
            "Duration of its longest query, in nanoseconds.",
        ),
        shown(
            "state",
            "`WAITING`, `IN_PROGRESS`, `UNRESPONSIVE`, `FINISHED` or `ERROR`; cancelled collections are `ERROR`, too.",
        ),
        shown("status", "The error message, or who cancelled it."),
        shown("artifacts_with_results", "Sources with rows."),
        shown("query_stats", "The status of each query; not in a summary."),
        shown("uploaded_files", "Always empty: `uploads()` lists them."),
        shown("user_notified", "Always false: users are notified by the GUI."),
        shown("logs", "Always empty: `flow_logs()` lists them."),
        shown("dirty", "Always false: what is listed is stored."),
        shown("total_loads", "Always 0: loads are not counted."),
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
    for record in flow_records::flows(scope, stored, flows, is_summary)? {
        rows.push(record.to_row())?;
    }
    Ok(())
}
