//! Collections: created here, delivered by the gateway, ended by the agent's report.

mod arrivals;
mod create;
mod process_tree;
mod results;
mod roll_up;
mod task;
mod view;

pub use arrivals::store;
pub use create::{OnServer, create, find, limits, max_logs, prepare_on_server, redacted};
pub(crate) use create::{announce_scheduled, prepare, schedule};
pub use process_tree::process_tree;
pub use results::{Table, download};
pub use roll_up::roll_up;
pub(crate) use task::pack as pack_task;
pub use task::unpack as unpack_task;
pub use view::state;
pub(crate) use view::{SILENCE, request_and_limits};
pub use view::{list, view, view_in_full, views};

use crate::Core;
use crate::audit::OnTemporaryError;
use crate::changes::{Change, announce, topics};
use crate::users::{Permission, Principal};
use crate::{Error, Result, audit, clock};
use peregrine_proto::{Cancel, Message, VeloMessage};
use peregrine_store::{ClientId, Effect, Flow, FlowId, FlowQuery, FlowState, ObjectKey, Progress, Task};
use serde_json::json;

/// Collections on servers that are gone, ended at a time.
const MAX_ABANDONED: u64 = 1000;

/// One flow, or [`Error::NotFound`].
pub async fn get(core: &Core, client_id: &ClientId, flow_id: &FlowId) -> Result<Flow> {
    let flow = core.storage.database.flow(client_id, flow_id).await?;
    flow.ok_or_else(|| Error::NotFound("flow", flow_id.to_string()))
}

/// Ends a flow and tells the agent to stop it. A flow that has already ended is left unchanged.
pub async fn cancel(
    core: &Core,
    principal: &Principal,
    client_id: &ClientId,
    flow_id: &FlowId,
) -> Result<Flow> {
    let needed = if client_id.is_server() {
        Permission::CollectServer
    } else {
        Permission::CollectClient
    };
    principal.authorize(needed)?;
    get(core, client_id, flow_id).await?;
    if end(core, &principal.name, client_id, flow_id).await? {
        let detail = json!({"client": client_id, "flow_id": flow_id});
        let entry = audit::entry(&principal.name, &principal.ip, "CancelFlow", &detail);
        audit::append(core, entry, OnTemporaryError::Keep).await?;
        if client_id.is_server() {
            announce_cancelled_query(core, principal, flow_id.as_str()).await?;
        } else {
            core.storage
                .bus
                .publish(topics::TASKS, client_id.as_str())
                .await?;
        }
        announce_change(core, client_id, flow_id).await;
    }
    get(core, client_id, flow_id).await
}

/// Ends a flow that runs, and queues the message that stops it on the agent; false if it does not run.
pub(crate) async fn end(core: &Core, user: &str, client_id: &ClientId, flow_id: &FlowId) -> Result<bool> {
    let message = VeloMessage {
        session_id: flow_id.to_string(),
        cancel: Some(Cancel {
            principal: user.to_owned(),
        }),
        urgent: true,
        ..Default::default()
    };
    let task = Task {
        flow_id: flow_id.clone(),
        is_flow_request: false,
        urgent: true,
        message: message.encode_to_vec(),
    };
    let status = format!("Cancelled by {user}");
    let database = &core.storage.database;
    let is_ended = database
        .cancel_flow(client_id, flow_id, &status, task, clock::now())
        .await?;
    if is_ended {
        core.ended.add((client_id.clone(), flow_id.clone()));
    }
    Ok(is_ended)
}

async fn announce_change(core: &Core, client_id: &ClientId, flow_id: &FlowId) {
    let change = Change::Flow {
        client_id: client_id.clone(),
        flow_id: flow_id.clone(),
    };
    announce(core, &change).await;
}

/// Deletes a flow with its rows and files; a running one is cancelled first.
pub async fn delete(
    core: &Core,
    principal: &Principal,
    client_id: &ClientId,
    flow_id: &FlowId,
) -> Result<()> {
    principal.authorize(Permission::DeleteResults)?;
    if get(core, client_id, flow_id).await?.state == peregrine_store::FlowState::Running {
        cancel(core, principal, client_id, flow_id).await?;
    }
    let detail = json!({"client": client_id, "flow_id": flow_id});
    let entry = audit::entry(&principal.name, &principal.ip, "delete_flow", &detail);
    audit::append(core, entry, OnTemporaryError::Keep).await?;
    remove(core, client_id, flow_id).await?;
    announce_change(core, client_id, flow_id).await;
    Ok(())
}

/// Removes a flow with its rows and files.
pub(crate) async fn remove(core: &Core, client_id: &ClientId, flow_id: &FlowId) -> Result<()> {
    let database = &core.storage.database;
    core.storage
        .delete_even_if_full(|| database.delete_flow(client_id, flow_id))
        .await?;
    core.storage
        .objects
        .delete(&flow_folder(client_id, flow_id))
        .await?;
    Ok(())
}

/// Tells the server that runs a query to end it.
pub async fn announce_cancelled_query(core: &Core, principal: &Principal, query_id: &str) -> Result<()> {
    let payload = format!("{query_id} {}", principal.name);
    Ok(core
        .storage
        .bus
        .publish(topics::CANCELLED_QUERY, &payload)
        .await?)
}

/// Ends the collections on the server whose server is gone, with an error.
pub async fn end_abandoned(core: &Core) -> Result<()> {
    let client_id = ClientId::server();
    let running = FlowQuery {
        client_id: Some(client_id.clone()),
        state: Some(FlowState::Running),
        limit: MAX_ABANDONED,
        ..FlowQuery::default()
    };
    let database = &core.storage.database;
    let flows = database.flows(running).await?.items;
    // A collection is listed before it is stored, so one that is not listed has ended or has nobody who runs it.
    let listed = database.listed_queries().await?;
    for flow in flows {
        if listed.iter().any(|query| flow.flow_id == query.query_id.as_str()) {
            continue;
        }
        let status = "the server that ran it stopped".to_owned();
        let progress = Progress {
            end: Some((FlowState::Error, Some(status))),
            ..Progress::default()
        };
        let flow_id = flow.flow_id;
        store(core, &client_id, vec![Effect::Progress { flow_id, progress }]).await?;
    }
    Ok(())
}

/// Where an uploaded file is.
pub fn upload_key(
    client_id: &ClientId,
    flow_id: &FlowId,
    accessor: &str,
    components: &[String],
) -> ObjectKey {
    let mut key = flow_folder(client_id, flow_id);
    key.push("uploads");
    key.push(accessor);
    // The whole path is one component of the key, because `/etc` and `/etc/passwd` can both be uploaded as files.
    key.push(&components.join("/"));
    key
}

/// Where a flow's files are.
pub fn flow_folder(client_id: &ClientId, flow_id: &FlowId) -> ObjectKey {
    ObjectKey::new(&["clients", client_id.as_str(), flow_id.as_str()])
}
