//! Deleting a client with everything it sent.

use super::get;
use crate::audit::OnTemporaryError;
use crate::changes::{Change, announce, topics};
use crate::users::{Permission, Principal};
use crate::{Core, Result, audit, events};
use peregrine_store::{ClientId, ObjectKey};
use serde_json::json;

/// Deletes a client: its record and key, collections, events and files. An agent that still runs is let go, and comes back as a
/// new client with the same id.
pub async fn delete(core: &Core, principal: &Principal, client_id: &ClientId) -> Result<()> {
    principal.authorize(Permission::ServerAdmin)?;
    get(core, client_id).await?;
    let detail = json!({"client_id": client_id});
    let entry = audit::entry(&principal.name, &principal.ip, "client_delete", &detail);
    audit::append(core, entry, OnTemporaryError::Keep).await?;
    let database = &core.storage.database;
    core.storage
        .delete_even_if_full(|| database.delete_client(client_id))
        .await?;
    let files = ObjectKey::new(&["clients", client_id.as_str()]);
    core.storage.objects.delete(&files).await?;
    // Its agent asks for work, and hears that it is unknown.
    core.storage
        .bus
        .publish(topics::TASKS, client_id.as_str())
        .await?;
    announce(core, &Change::Many).await;
    let told = json!({"ClientId": client_id, "OrgId": "root", "Principal": principal.name});
    events::tell(core, "Server.Internal.ClientDelete", client_id, told).await;
    Ok(())
}
