//! `get_flow()`: one collection.

use peregrine_engine::prelude::*;

use crate::args::id;
use crate::{Stored, flow_records};

/// Returns a collection, in the form of a row of `flows()`; NULL if there is no such collection.
///
/// It also has `AvailableDownloads`, which is always empty: archives of collections are not kept.
#[derive(VqlArgs)]
pub struct Args {
    /// The client's id.
    client_id: String,
    /// The collection's id; by default the variable `FlowId`.
    flow_id: Option<String>,
    /// Leave out `request` and `query_stats`.
    #[arg(default = false)]
    summary: bool,
}

/// The function.
pub struct GetFlow;

impl Function for GetFlow {
    type Args = Args;
    const NAME: &'static str = "get_flow";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const EXAMPLES: &'static [Example] = &[
        example(
            "its rows",
            "get_flow(client_id='C.0123456789abcdef', flow_id='F.EXAMPLE').total_collected_rows",
            "5",
        ),
        example(
            "no such collection",
            "get_flow(client_id='C.0123456789abcdef', flow_id='F.NONE')",
            "null",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let stored = Stored::of(scope)?;
        let flow_id = args
            .flow_id
            .or_else(|| scope.get_text("FlowId"))
            .ok_or("Field flow_id is required")?;
        let found = stored.wait(stored.database.flow(&id(&args.client_id)?, &id(&flow_id)?))?;
        let mut records = flow_records::flows(scope, &stored, found.as_slice(), args.summary)?;
        let Some(record) = records.pop() else {
            return Ok(Value::Null);
        };
        record.set("AvailableDownloads", Dict::new());
        Ok(Value::Dict(record))
    }
}
