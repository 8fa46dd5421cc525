//! `cancel_flow()`: cancels a collection.

use peregrine_engine::prelude::*;
use peregrine_services::flows;

use crate::Live;
use crate::args::id;

/// Cancels a collection, and returns its `flow_id`. One that has ended already stays as it is.
#[derive(VqlArgs)]
pub struct Args {
    /// The client's id.
    client_id: String,
    /// The collection's id; by default the variable `FlowId`.
    flow_id: Option<String>,
}

/// The function.
pub struct CancelFlow;

impl Function for CancelFlow {
    type Args = Args;
    const NAME: &'static str = "cancel_flow";
    const CATEGORY: Category = Category::Server;
    const VERSION: i64 = 3;
    const PERMISSIONS: &'static [Permission] = &[Permission::CollectClient];
    const EXAMPLES: &'static [Example] = &[
        example(
            "a collection that runs",
            "LET Cancelled <= cancel_flow(client_id='C.00000000000000a4', flow_id='F.RUNNING')\n\
             SELECT Cancelled.flow_id AS FlowId, get_flow(client_id='C.00000000000000a4', flow_id='F.RUNNING').status AS Status FROM scope()",
            r#"[{"FlowId":"F.RUNNING","Status":"Cancelled by admin"}]"#,
        ),
        fails(
            "no such collection",
            "cancel_flow(client_id='C.00000000000000a4', flow_id='F.NONE')",
            "flow `F.NONE` not found",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let live = Live::of(scope)?;
        scope.check_access(Permission::CollectClient)?;
        let flow_id = args
            .flow_id
            .or_else(|| scope.get_text("FlowId"))
            .ok_or("Field flow_id is required")?;
        let (client_id, flow_id) = (id(&args.client_id)?, id(&flow_id)?);
        let flow = live.wait(flows::cancel(&live.core, &live.principal, &client_id, &flow_id))?;
        let answer = Dict::from_pairs([("flow_id", flow.flow_id.as_str())]);
        Ok(Value::Dict(answer))
    }
}
