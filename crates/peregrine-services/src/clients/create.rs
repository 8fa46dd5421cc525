//! Clients that are known without an agent, such as those of imported collections.

use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, audit, events};
use peregrine_store::{Client, ClientId, NewClient};
use serde_json::json;

/// A client id for a machine without an agent. Those of agents are made from their keys.
pub fn new_id() -> Result<ClientId> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| Error::Internal(format!("no randomness: {error}")))?;
    let id = format!("C.{:016x}", u64::from_be_bytes(random));
    id.parse()
        .map_err(|error| Error::Internal(format!("a client id that is none: {error}")))
}

pub async fn create(core: &Core, principal: &Principal, client: NewClient) -> Result<Client> {
    principal.authorize(Permission::ServerAdmin)?;
    let client_id = client.client_id.clone();
    if client_id.is_server() {
        return Err(Error::BadRequest("the server is no client".into()));
    }
    let facts = &client.facts;
    let details = json!({"hostname": facts.hostname, "os": facts.os, "labels": client.labels});
    if !core.storage.database.create_client(client).await? {
        return Err(Error::BadRequest(format!(
            "there is a client `{client_id}` already"
        )));
    }
    let detail = json!({"client_id": client_id, "details": details});
    audit::record(core, &principal.name, &principal.ip, "client_create", detail).await?;
    let told = json!({"ClientId": client_id});
    events::tell(core, "Server.Internal.Enrollment", &client_id, told).await;
    super::get(core, &client_id).await
}
