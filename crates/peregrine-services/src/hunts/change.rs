//! Starting, stopping and describing a hunt.

use super::create::{checked_description, checked_expiry, checked_tags};
use super::view::view;
use super::{announce_changed, get};
use crate::changes::{Change, announce, topics};
use crate::flows;
use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, audit, clock};
use futures_util::future::join_all;
use peregrine_api::hunts::{self as api, HuntAction};
use peregrine_store::{ClientId, FlowId, Hunt, HuntChange, HuntId, HuntState, StartedFlow};
use serde_json::json;

/// Clients whose collections are ended or deleted at a time, and how many of them at once.
pub(super) const PAGE: u64 = 500;
pub(super) const AT_ONCE: usize = 100;
/// Ended collections announced one by one; beyond that, screens are told to reload.
const MAX_ANNOUNCED: u64 = 100;

/// Changes a hunt.
pub async fn modify(
    core: &Core,
    principal: &Principal,
    hunt_id: &HuntId,
    change: &api::HuntChange,
) -> Result<api::Hunt> {
    principal.authorize(match change.action {
        Some(HuntAction::Start) => Permission::StartHunt,
        _ => Permission::CollectClient,
    })?;
    let checked = HuntChange {
        state: change.action.map(|action| match action {
            HuntAction::Start => HuntState::Running,
            HuntAction::Stop => HuntState::Stopped,
            HuntAction::Archive => HuntState::Archived,
        }),
        description: change
            .description
            .as_deref()
            .map(checked_description)
            .transpose()?,
        tags: change.tags.as_deref().map(checked_tags).transpose()?,
        expires: change.expires.as_deref().map(checked_expiry).transpose()?,
        client_limit: change.client_limit,
    };
    if change.action == Some(HuntAction::Start) {
        check_start(&get(core, hunt_id).await?, &checked)?;
    }
    let hunt = store(core, principal, hunt_id, checked, json!(change)).await?;
    Ok(view(hunt))
}

/// Stops a hunt, so that no further clients join. With `cancel`, also ends all collections of it that have not ended: those that
/// wait for a client are never sent, and those that run are stopped. That takes a while for a large hunt; if the call is dropped,
/// another one goes on.
pub async fn stop(core: &Core, principal: &Principal, hunt_id: &HuntId, cancel: bool) -> Result<api::Hunt> {
    principal.authorize(Permission::CollectClient)?;
    let hunt = get(core, hunt_id).await?;
    let change = HuntChange {
        // One that stopped by itself keeps its reason.
        state: (hunt.state != HuntState::Stopped).then_some(HuntState::Stopped),
        ..HuntChange::default()
    };
    let details = json!({"action": "stop", "cancel": cancel});
    let hunt = store(core, principal, hunt_id, change, details).await?;
    if cancel {
        cancel_all(core, &principal.name, hunt_id).await?;
        return Ok(view(get(core, hunt_id).await?));
    }
    Ok(view(hunt))
}

/// Stops a hunt and leaves it out of lists. What runs goes on.
pub async fn archive(core: &Core, principal: &Principal, hunt_id: &HuntId) -> Result<api::Hunt> {
    let change = api::HuntChange {
        action: Some(HuntAction::Archive),
        ..api::HuntChange::default()
    };
    modify(core, principal, hunt_id, &change).await
}

async fn store(
    core: &Core,
    principal: &Principal,
    hunt_id: &HuntId,
    change: HuntChange,
    details: serde_json::Value,
) -> Result<Hunt> {
    let hunt = core
        .storage
        .database
        .change_hunt(hunt_id, change, clock::now())
        .await?;
    let detail = json!({"hunt_id": hunt_id, "details": details});
    audit::record(core, &principal.name, &principal.ip, "ModifyHunt", detail).await?;
    announce_changed(core, hunt_id).await?;
    Ok(hunt)
}

/// Refuses to start a hunt that would stop at once.
fn check_start(hunt: &Hunt, change: &HuntChange) -> Result<()> {
    if change.expires.unwrap_or(hunt.expires) <= clock::now() {
        return Err(Error::BadRequest(
            "the hunt has expired; give a later `expires` when you start it".into(),
        ));
    }
    let limit = change.client_limit.unwrap_or(hunt.client_limit);
    if limit > 0 && hunt.joined >= limit {
        return Err(Error::BadRequest(format!(
            "{} clients have joined, and `client_limit` is {limit}; raise it when you start the hunt",
            hunt.joined
        )));
    }
    Ok(())
}

/// Ends all collections that the hunt started and that have not ended, also on clients that are away.
pub(super) async fn cancel_all(core: &Core, user: &str, hunt_id: &HuntId) -> Result<()> {
    let database = &core.storage.database;
    let (mut after, mut count) = (None, 0);
    loop {
        let page = database.flows_of_hunt(hunt_id, after, PAGE).await?;
        let Some(last) = page.clients.last() else { break };
        after = Some(last.clone());
        let running: Vec<StartedFlow> = page.flows.into_iter().filter(|flow| flow.is_running).collect();
        for some in running.chunks(AT_ONCE) {
            let mut ended = Vec::with_capacity(some.len());
            for flow in some {
                ended.push(cancel_one(core, user, &flow.client_id, &flow.flow_id));
            }
            for (result, flow) in join_all(ended).await.into_iter().zip(some) {
                count += u64::from(result?);
                if count <= MAX_ANNOUNCED {
                    let (client_id, flow_id) = (flow.client_id.clone(), flow.flow_id.clone());
                    announce(core, &Change::Flow { client_id, flow_id }).await;
                }
            }
        }
        core.stale_hunts.mark(hunt_id);
    }
    if count > MAX_ANNOUNCED {
        announce(core, &Change::Many).await;
    }
    Ok(())
}

async fn cancel_one(core: &Core, user: &str, client_id: &ClientId, flow_id: &FlowId) -> Result<bool> {
    let is_ended = flows::end(core, user, client_id, flow_id).await?;
    if is_ended {
        core.storage
            .bus
            .publish(topics::TASKS, client_id.as_str())
            .await?;
    }
    Ok(is_ended)
}
