//! `hunt_flows()`: the collections of a hunt.

use peregrine_engine::prelude::*;
use peregrine_store::{Flow, Member};

use crate::args::{count, id};
use crate::{Stored, flow_records, hunt_members, hunt_records};

/// Lists the clients of a hunt with their collections, in the order in which they joined.
#[derive(VqlArgs)]
pub struct Args {
    /// The hunt's id.
    hunt_id: String,
    /// Number of clients to skip.
    start_row: Option<i64>,
    /// Maximum number of clients. The name is a keyword, so it needs backticks.
    limit: Option<i64>,
    /// Leave out the request and what is known of each query, which makes large hunts much faster.
    #[arg(default = false)]
    basic_info: bool,
}

/// The plugin.
pub struct HuntFlows;

impl Plugin for HuntFlows {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "hunt_flows";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const COLUMNS: &'static [ColumnSpec] = &[
        shown("HuntId", "The hunt's id."),
        shown("ClientId", "The client's id."),
        shown("FlowId", "The id of the collection with which it takes part."),
        shown(
            "Flow",
            "The collection, in the form of a row of `flows()`; NULL if it was deleted.",
        ),
    ];
    const EXAMPLES: &'static [Example] = &[
        example(
            "those that failed",
            "SELECT ClientId, Flow.status AS Why FROM hunt_flows(hunt_id='H.EXAMPLE') WHERE Flow.state = 'ERROR'",
            r#"[{"ClientId":"C.00000000000000e2","Why":"no such table"}]"#,
        ),
        example(
            "a part of a large hunt",
            "SELECT ClientId, Flow.total_collected_rows AS Rows FROM hunt_flows(hunt_id='H.EXAMPLE', basic_info=TRUE, start_row=1, `limit`=10)",
            r#"[{"ClientId":"C.00000000000000e2","Rows":1}]"#,
        ),
        fails(
            "no such hunt",
            "hunt_flows(hunt_id='H.NONE')",
            "hunt `H.NONE` not found",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let stored = Stored::of(scope)?;
        let hunt_id = id(&args.hunt_id)?;
        hunt_records::find(&stored, &hunt_id)?;
        let start = count("start_row", args.start_row)?.unwrap_or(0);
        let limit = count("limit", args.limit)?.filter(|limit| *limit > 0);
        hunt_members::each_page(scope, &stored, &hunt_id, start, limit, |page| {
            let mut flows = Vec::with_capacity(page.len());
            for member in &page {
                flows.extend(flow_of(&stored, member, args.basic_info)?);
            }
            let records = if args.basic_info {
                flow_records::basic(scope, &stored, &flows)?
            } else {
                flow_records::flows(scope, &stored, &flows, false)?
            };
            let mut records = flows.iter().zip(records).peekable();
            for member in page {
                let record = records.next_if(|(flow, _)| flow.client_id == member.client_id);
                let row = Dict::from_pairs([
                    ("HuntId", Value::from(hunt_id.as_str())),
                    ("ClientId", Value::from(member.client_id.as_str())),
                    ("FlowId", Value::from(member.flow_id.as_str())),
                    (
                        "Flow",
                        record.map_or(Value::Null, |(_, record)| Value::Dict(record)),
                    ),
                ]);
                rows.push(row.to_row())?;
            }
            Ok(())
        })
    }
}

/// The collection of a client, unless it was deleted.
fn flow_of(stored: &Stored, member: &Member, is_basic: bool) -> VqlResult<Option<Flow>> {
    match &member.flow {
        Some(_) if !is_basic => stored.wait(stored.database.flow(&member.client_id, &member.flow_id)),
        flow => Ok(flow.clone()),
    }
}
