//! Metadata that users give clients and the server itself: values under names, both text.

use super::get;
use crate::changes::{Change, announce};
use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, audit, events};
use peregrine_store::ClientId;
use serde_json::json;
use std::collections::BTreeMap;

/// Name of the setting that holds the metadata of the server, which has no client record: a record would show it among the
/// machines.
const SETTING: &str = "server_metadata";

/// Changes per request, and bytes of a name.
const MAX_CHANGES: usize = 100;
const MAX_NAME: usize = 200;
/// Bytes of a client's value. Clients are searched by name and value together, and the index of a database takes no more.
const MAX_VALUE: usize = 2000;
/// Bytes of a value of the server, which nobody searches.
const MAX_SERVER_VALUE: usize = 64 << 10;

/// A name, and its new value; `None` removes the name.
pub type MetadataChange = (String, Option<String>);

/// The metadata of a client, or of the server under the id `server`.
pub async fn get_all(
    core: &Core,
    principal: &Principal,
    client_id: &ClientId,
) -> Result<BTreeMap<String, String>> {
    if client_id.is_server() {
        principal.authorize(Permission::ServerAdmin)?;
        return of_server(core).await;
    }
    principal.authorize(Permission::ReadResults)?;
    Ok(get(core, client_id).await?.metadata)
}

/// The metadata of the server, for the server itself.
pub(crate) async fn of_server(core: &Core) -> Result<BTreeMap<String, String>> {
    let stored = core.storage.database.setting(SETTING).await?;
    parse(stored.as_deref())
}

/// Sets and removes names; those not mentioned keep their values.
pub async fn change(
    core: &Core,
    principal: &Principal,
    client_id: &ClientId,
    changes: &[MetadataChange],
) -> Result<()> {
    principal.authorize(match client_id.is_server() {
        true => Permission::ServerAdmin,
        false => Permission::LabelClient,
    })?;
    let max_value = match client_id.is_server() {
        true => MAX_SERVER_VALUE,
        false => MAX_VALUE,
    };
    let is_odd = |(name, value): &MetadataChange| {
        name.trim().is_empty()
            || name.len() > MAX_NAME
            || value.as_ref().is_some_and(|value| value.len() > max_value)
    };
    if changes.len() > MAX_CHANGES || changes.iter().any(is_odd) {
        return Err(Error::BadRequest(format!(
            "names of metadata must not be empty and have at most {MAX_NAME} bytes, values at most {max_value}; \
             at most {MAX_CHANGES} at a time"
        )));
    }
    if changes.is_empty() {
        return Ok(());
    }
    if client_id.is_server() {
        change_server(core, changes).await?;
    } else {
        get(core, client_id).await?;
        core.storage.database.set_metadata(client_id, changes).await?;
    }
    let names: Vec<&str> = changes.iter().map(|(name, _)| name.as_str()).collect();
    let detail = json!({"client_id": client_id, "updated_keys": names});
    audit::record(core, &principal.name, &principal.ip, "SetMetadata", detail).await?;
    let told = json!({"principal": principal.name, "client_id": client_id, "updated_keys": names});
    events::tell(core, "Server.Internal.MetadataModifications", client_id, told).await;
    if !client_id.is_server() {
        let client_id = client_id.to_owned();
        announce(core, &Change::Client { client_id }).await;
    }
    Ok(())
}

async fn change_server(core: &Core, changes: &[MetadataChange]) -> Result<()> {
    let database = &core.storage.database;
    loop {
        let old = database.setting(SETTING).await?;
        let mut metadata = parse(old.as_deref())?;
        for (name, value) in changes {
            match value {
                Some(value) => metadata.insert(name.clone(), value.clone()),
                None => metadata.remove(name),
            };
        }
        let new = serde_json::to_string(&metadata).map_err(|error| Error::Internal(error.to_string()))?;
        // If another server changed it in between, that change is read and kept.
        if database.replace_setting(SETTING, old.as_deref(), &new).await? {
            return Ok(());
        }
    }
}

fn parse(stored: Option<&str>) -> Result<BTreeMap<String, String>> {
    stored
        .map_or(Ok(BTreeMap::new()), serde_json::from_str)
        .map_err(|error| Error::Internal(format!("stored metadata of the server: {error}")))
}
