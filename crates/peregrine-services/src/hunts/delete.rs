//! Deleting a hunt with everything it collected.

use super::change::{AT_ONCE, PAGE, cancel_all};
use super::{announce_changed, get};
use crate::audit::OnTemporaryError;
use crate::flows;
use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, audit, clock};
use futures_util::future::join_all;
use peregrine_api::hunts::HuntDeleted;
use peregrine_store::{Error as StoreError, HuntChange, HuntId, HuntState, StartedFlow};
use serde_json::json;

/// Deletes a hunt, the collections it started, their rows and files; what runs is stopped first. Collections that were added to it
/// by hand stay. If the call is dropped, the rest of the hunt stays, stopped, and can be deleted again.
pub async fn delete(core: &Core, principal: &Principal, hunt_id: &HuntId) -> Result<HuntDeleted> {
    principal.authorize(Permission::DeleteResults)?;
    let hunt = get(core, hunt_id).await?;
    let detail = json!({"hunt_id": hunt_id, "description": hunt.description, "clients": hunt.joined});
    let entry = audit::entry(&principal.name, &principal.ip, "hunt_delete", &detail);
    audit::append(core, entry, OnTemporaryError::Keep).await?;
    let database = &core.storage.database;
    let stopped = HuntChange {
        state: Some(HuntState::Stopped),
        ..HuntChange::default()
    };
    database.change_hunt(hunt_id, stopped, clock::now()).await?;
    announce_changed(core, hunt_id).await?;
    cancel_all(core, &principal.name, hunt_id).await?;
    let mut deleted = HuntDeleted::default();
    loop {
        let page = database.flows_of_hunt(hunt_id, None, PAGE).await?;
        if page.clients.is_empty() {
            // A client that was added meanwhile is deleted, too.
            if database.delete_hunt(hunt_id).await? || database.hunt(hunt_id).await?.is_none() {
                break;
            }
            continue;
        }
        for some in page.flows.chunks(AT_ONCE) {
            remove(core, some, &mut deleted).await?;
        }
        deleted.clients += page.clients.len() as u64;
        database.drop_hunt_members(hunt_id, page.clients).await?;
    }
    announce_changed(core, hunt_id).await?;
    Ok(deleted)
}

async fn remove(core: &Core, some: &[StartedFlow], deleted: &mut HuntDeleted) -> Result<()> {
    let mut removed = Vec::with_capacity(some.len());
    for flow in some {
        removed.push(flows::remove(core, &flow.client_id, &flow.flow_id));
    }
    for (result, flow) in join_all(removed).await.into_iter().zip(some) {
        match result {
            Ok(()) => {
                deleted.flows += 1;
                deleted.rows += flow.rows;
                deleted.uploaded_files += flow.uploaded_files;
                deleted.uploaded_bytes += flow.uploaded_bytes;
            }
            // Somebody else deleted it.
            Err(Error::Store(StoreError::NotFound { .. })) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
