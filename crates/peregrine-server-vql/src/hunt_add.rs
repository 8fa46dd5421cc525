//! `hunt_add()`: adds a client to a hunt.

use peregrine_engine::prelude::*;
use peregrine_services::hunts;
use peregrine_store::{ClientId, FlowId, HuntId, Member, MemberQuery, MemberSort};

use crate::Live;
use crate::args::id;

/// Lets a client take part in a hunt, whatever the hunt's condition, limit and state. Returns the client's id, also if it takes part
/// already, which is only logged.
#[derive(VqlArgs)]
pub struct Args {
    /// The client's id.
    client_id: String,
    /// The hunt's id.
    hunt_id: String,
    /// A collection of the client that becomes the one with which it takes part; otherwise it is collected from.
    flow_id: Option<String>,
    /// Collect again from a client that takes part already; the new collection replaces the one before in the hunt, and its id
    /// is returned.
    #[arg(default = false)]
    relaunch: bool,
}

/// The function.
pub struct HuntAdd;

impl Function for HuntAdd {
    type Args = Args;
    const NAME: &'static str = "hunt_add";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::StartHunt];
    const EXAMPLES: &'static [Example] = &[
        example(
            "collect from a client",
            "hunt_add(client_id='C.00000000000000a1', hunt_id='H.ADDED')",
            r#""C.00000000000000a1""#,
        ),
        example(
            "add a collection that is there",
            "hunt_add(client_id='C.0123456789abcdef', hunt_id='H.ADDED', flow_id='F.EXAMPLE')",
            r#""C.0123456789abcdef""#,
        ),
        fails(
            "one that takes part already",
            "hunt_add(client_id='C.00000000000000e1', hunt_id='H.EXAMPLE')",
            "client `C.00000000000000e1` takes part in the hunt already",
        ),
        fails(
            "no such hunt",
            "hunt_add(client_id='C.00000000000000a1', hunt_id='H.NONE')",
            "hunt `H.NONE` not found",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let live = Live::of(scope)?;
        scope.check_access(Permission::StartHunt)?;
        // Who takes part is told by no service that would check this.
        live.authorize(Permission::StartHunt)?;
        let (client_id, hunt_id): (ClientId, HuntId) = (id(&args.client_id)?, id(&args.hunt_id)?);
        let flow_id = args.flow_id.filter(|flow_id| !flow_id.is_empty());
        let flow_id: Option<FlowId> = flow_id.as_deref().map(id).transpose()?;
        if args.relaunch {
            if flow_id.is_some() {
                return Err("give `flow_id` or `relaunch`, not both".into());
            }
            let relaunched = hunts::relaunch(&live.core, &live.principal, &hunt_id, &client_id);
            return Ok(Value::from(live.wait(relaunched)?.as_str()));
        }
        let is_there = match (member(&live, &hunt_id, &client_id)?, &flow_id) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(member), Some(flow_id)) => member.flow_id == *flow_id,
        };
        if is_there {
            let text = format!(
                "hunt_add: client `{client_id}` takes part in the hunt already; with relaunch=TRUE it is collected from again"
            );
            scope.log(Level::Warn, &text);
        } else if let Some(flow_id) = flow_id {
            let added = hunts::add_flow(&live.core, &live.principal, &hunt_id, &client_id, &flow_id);
            live.wait(added)?;
        } else {
            live.wait(hunts::add_client(
                &live.core,
                &live.principal,
                &hunt_id,
                &client_id,
            ))?;
        }
        Ok(Value::from(client_id.as_str()))
    }
}

/// The client as the hunt has it, if it takes part.
fn member(live: &Live, hunt_id: &HuntId, client_id: &ClientId) -> VqlResult<Option<Member>> {
    let query = MemberQuery {
        hunt_id: hunt_id.clone(),
        client_id: Some(client_id.clone()),
        search: None,
        state: None,
        silent_since: 0,
        sort: MemberSort::Joined,
        descending: false,
        offset: 0,
        limit: 1,
    };
    let database = &live.core.storage.database;
    let mut page = live.wait(async { Ok(database.hunt_members(query).await?) })?;
    Ok(page.items.pop())
}
