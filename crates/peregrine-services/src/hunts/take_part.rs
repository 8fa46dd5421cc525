//! Clients and collections that a user adds to a hunt.

use super::{announce_changed, get};
use crate::flows;
use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, audit, clients, clock, events};
use peregrine_proto::VeloMessage;
use peregrine_store::{Admission, Attached, ClientId, Flow, FlowId, Hunt, HuntId, HuntState, Task};
use peregrine_wire::ids;
use serde_json::{Value, json};

/// Lets a client take part, whatever the condition, the limit and the state of the hunt; returns its collection.
pub async fn add_client(
    core: &Core,
    principal: &Principal,
    hunt_id: &HuntId,
    client_id: &ClientId,
) -> Result<FlowId> {
    principal.authorize(Permission::StartHunt)?;
    open(core, hunt_id).await?;
    clients::get(core, client_id).await?;
    let joined = core
        .storage
        .database
        .join_hunt(hunt_id, vec![client_id.clone()], Admission::ByHand, clock::now())
        .await?;
    if joined.clients.is_empty() {
        return Err(already(client_id));
    }
    let flow_id = hunt_id.flow_id();
    events::tell_participation(core, hunt_id, &joined.clients).await;
    write_down(core, principal, hunt_id, json!({"add_client": client_id})).await?;
    flows::announce_scheduled(core, client_id, &flow_id).await?;
    Ok(flow_id)
}

/// Makes an existing collection the one with which its client takes part.
pub async fn add_flow(
    core: &Core,
    principal: &Principal,
    hunt_id: &HuntId,
    client_id: &ClientId,
    flow_id: &FlowId,
) -> Result<()> {
    principal.authorize(Permission::CollectClient)?;
    open(core, hunt_id).await?;
    flows::get(core, client_id, flow_id).await?;
    let database = &core.storage.database;
    let attached = database.attach_flow(hunt_id, client_id, flow_id, clock::now());
    match attached.await? {
        Attached::Done => {}
        Attached::Already => {
            return Err(Error::BadRequest(format!(
                "collection `{flow_id}` belongs to the hunt already"
            )));
        }
        Attached::StillRuns => return Err(still_runs(client_id)),
    }
    let details = json!({"assign": {"client_id": client_id, "flow_id": flow_id}});
    write_down(core, principal, hunt_id, details).await?;
    core.stale_hunts.mark(hunt_id);
    announce_changed(core, hunt_id).await
}

/// Collects again from a client that takes part already; returns the new collection. The one before stays with the client.
pub async fn relaunch(
    core: &Core,
    principal: &Principal,
    hunt_id: &HuntId,
    client_id: &ClientId,
) -> Result<FlowId> {
    principal.authorize(Permission::StartHunt)?;
    let hunt = open(core, hunt_id).await?;
    let database = &core.storage.database;
    let payload = database.hunt_payload(hunt_id).await?;
    let payload = payload.ok_or_else(|| Error::NotFound("hunt", hunt_id.to_string()))?;
    let flow_id = ids::new_flow_id()?;
    let message = VeloMessage {
        session_id: flow_id.to_string(),
        ..flows::unpack_task(core, &payload.task)?
    };
    let task = Task {
        flow_id: flow_id.clone(),
        is_flow_request: true,
        urgent: hunt.urgent,
        message: flows::pack_task(core, &message, payload.sealed.is_some())?,
    };
    let flow = Flow {
        hunt_id: Some(hunt_id.clone()),
        creator: principal.name.clone(),
        created: clock::now(),
        artifacts: hunt.artifacts,
        urgent: hunt.urgent,
        ..Flow::new(client_id.clone(), flow_id.clone())
    };
    if !database.relaunch_in_hunt(hunt_id, flow, task).await? {
        return Err(still_runs(client_id));
    }
    let details = json!({"relaunch": {"client_id": client_id, "flow_id": flow_id}});
    write_down(core, principal, hunt_id, details).await?;
    core.stale_hunts.mark(hunt_id);
    flows::announce_scheduled(core, client_id, &flow_id).await?;
    Ok(flow_id)
}

/// The hunt, unless it was put aside.
async fn open(core: &Core, hunt_id: &HuntId) -> Result<Hunt> {
    let hunt = get(core, hunt_id).await?;
    if hunt.state == HuntState::Archived {
        return Err(Error::BadRequest(format!(
            "hunt `{hunt_id}` is archived; stop it first, which takes it out of the archive"
        )));
    }
    Ok(hunt)
}

fn already(client_id: &ClientId) -> Error {
    Error::BadRequest(format!(
        "client `{client_id}` takes part in the hunt already; relaunch its collection to collect again"
    ))
}

fn still_runs(client_id: &ClientId) -> Error {
    Error::BadRequest(format!(
        "the collection of client `{client_id}` for this hunt has not ended; cancel it first"
    ))
}

async fn write_down(core: &Core, principal: &Principal, hunt_id: &HuntId, details: Value) -> Result<()> {
    let detail = json!({"hunt_id": hunt_id, "details": details});
    audit::record(core, &principal.name, &principal.ip, "ModifyHunt", detail).await
}
