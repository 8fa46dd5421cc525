//! Collections: made here, delivered by the gateway, ended by what the agent reports.

mod create;
mod roll_up;
mod task;
mod view;

pub(crate) use create::{CollectRequest, create, schedule};
pub(crate) use roll_up::roll_up;
pub(crate) use task::unpack as unpack_task;
pub use view::state;
pub(crate) use view::{view, view_in_full};

use crate::audit::OnFullDisk;
use crate::push::{Change, announce};
use crate::shared::{Shared, topics};
use crate::users::{Permission, Principal};
use crate::{Error, Result, audit, clock, gateway};
use peregrine_proto::{Cancel, Message, VeloMessage};
use peregrine_store::{Flow, Task};
use serde_json::json;

/// One flow, or a clear answer that there is none.
pub(crate) async fn get(shared: &Shared, client_id: &str, flow_id: &str) -> Result<Flow> {
    let flow = shared.storage.database.flow(client_id, flow_id).await?;
    flow.ok_or_else(|| Error::NotFound("flow", flow_id.to_owned()))
}

/// Ends a flow and tells the agent to stop it. A flow that ended already stays as it is.
pub(crate) async fn cancel(
    shared: &Shared,
    principal: &Principal,
    client_id: &str,
    flow_id: &str,
) -> Result<Flow> {
    principal.authorize(Permission::CollectClient)?;
    get(shared, client_id, flow_id).await?;
    let message = VeloMessage {
        session_id: flow_id.to_owned(),
        cancel: Some(Cancel {
            principal: principal.name.clone(),
        }),
        urgent: true,
        ..Default::default()
    };
    let task = Task {
        flow_id: flow_id.to_owned(),
        is_flow_request: false,
        urgent: true,
        message: message.encode_to_vec(),
    };
    let status = format!("Cancelled by {}", principal.name);
    let database = &shared.storage.database;
    if database
        .cancel_flow(client_id, flow_id, &status, task, clock::now())
        .await?
    {
        let detail = json!({"client": client_id, "flow_id": flow_id});
        let entry = audit::entry(&principal.name, &principal.ip, "CancelFlow", &detail);
        audit::append(shared, entry, OnFullDisk::Keep).await?;
        shared.storage.bus.publish(topics::TASKS, client_id).await?;
        let change = Change::Flow {
            client_id: client_id.to_owned(),
            flow_id: flow_id.to_owned(),
        };
        announce(shared, &change).await;
    }
    get(shared, client_id, flow_id).await
}

/// Deletes a flow with its rows and files; a running one is cancelled first.
pub(crate) async fn delete(
    shared: &Shared,
    principal: &Principal,
    client_id: &str,
    flow_id: &str,
) -> Result<()> {
    principal.authorize(Permission::DeleteResults)?;
    if get(shared, client_id, flow_id).await?.state == peregrine_store::FlowState::Running {
        cancel(shared, principal, client_id, flow_id).await?;
    }
    let detail = json!({"client": client_id, "flow_id": flow_id});
    let entry = audit::entry(&principal.name, &principal.ip, "delete_flow", &detail);
    audit::append(shared, entry, OnFullDisk::Keep).await?;
    let database = &shared.storage.database;
    let deleted = match database.delete_flow(client_id, flow_id).await {
        // Deleting needs a little room itself.
        Err(peregrine_store::Error::Full(_)) if shared.storage.free_reserve() => {
            database.delete_flow(client_id, flow_id).await
        }
        deleted => deleted,
    };
    deleted?;
    shared
        .storage
        .objects
        .delete(&gateway::flow_folder(client_id, flow_id))
        .await?;
    Ok(())
}
