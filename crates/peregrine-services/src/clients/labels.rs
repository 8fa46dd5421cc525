//! Labels that users put on clients. They decide what a client monitors, so a change must also reach the agent.

use super::get;
use crate::changes::{Change, announce, topics};
use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, audit, clock, events};
use peregrine_store::{Client, ClientId};
use serde_json::json;

/// Labels added per request, and bytes per label.
const MAX_LABELS: usize = 100;
const MAX_LABEL: usize = 200;

pub async fn change(
    core: &Core,
    principal: &Principal,
    client_id: &ClientId,
    add: &[String],
    remove: &[String],
) -> Result<Client> {
    principal.authorize(Permission::LabelClient)?;
    let is_odd = |label: &String| label.trim().is_empty() || label.len() > MAX_LABEL;
    if add.len() > MAX_LABELS || add.iter().any(is_odd) {
        return Err(Error::BadRequest(format!(
            "labels must not be empty and have at most {MAX_LABEL} bytes; at most {MAX_LABELS} at a time"
        )));
    }
    get(core, client_id).await?;
    let database = &core.storage.database;
    let client = database
        .set_labels(client_id, add, remove, clock::now_ns())
        .await?;
    for (operation, names) in [("SetClientLabel", add), ("RemoveClientLabel", remove)] {
        if !names.is_empty() {
            let detail = json!({"client_id": client_id, "labels": names});
            audit::record(core, &principal.name, &principal.ip, operation, detail).await?;
        }
    }
    for (operation, names) in [("Add", add), ("Remove", remove)] {
        for label in names {
            let told = json!({"client_id": client_id, "Operation": operation, "Label": label.trim()});
            events::tell(core, "Server.Internal.Label", client_id, told).await;
        }
    }
    // Its monitoring table may have changed.
    core.storage
        .bus
        .publish(topics::TASKS, client_id.as_str())
        .await?;
    let client_id = client_id.to_owned();
    announce(core, &Change::Client { client_id }).await;
    Ok(client)
}
