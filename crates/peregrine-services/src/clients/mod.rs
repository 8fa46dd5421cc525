//! Clients: views, search, labels, metadata, events, interrogation, and how they come and go.

mod create;
mod delete;
mod events;
mod interrogate;
mod kill;
mod labels;
pub(crate) mod metadata;
mod search;
mod suggest;

pub use create::{create, new_id};
pub use delete::delete;
pub use events::{event_rows, events};
pub use interrogate::{
    ensure_interrogated, facts_of_agent, facts_of_interrogation, interrogate, interrogation,
};
pub use kill::kill;
pub use labels::change as change_labels;
pub use metadata::{MetadataChange, change as change_metadata, get_all as metadata};
pub use search::{Words, filter as search_filter};
pub use suggest::suggestions;

use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, clock};
use peregrine_api::clients::{self as api, ClientPage};
use peregrine_store::{Client, ClientId, ClientQuery, FlowId};

/// One client, or [`Error::NotFound`].
pub async fn get(core: &Core, client_id: &ClientId) -> Result<Client> {
    let client = core.storage.database.client(client_id).await?;
    client.ok_or_else(|| Error::NotFound("client", client_id.to_string()))
}

/// One client that the user looks at, which `recent:` then finds.
pub async fn open(core: &Core, principal: &Principal, client_id: &ClientId) -> Result<Client> {
    principal.authorize(Permission::ReadResults)?;
    let client = get(core, client_id).await?;
    let database = &core.storage.database;
    database
        .open_client(client_id, &principal.name, clock::now())
        .await?;
    Ok(client)
}

/// Fails if there is no such client. The server itself is one where it is treated like one.
pub async fn check(core: &Core, client_id: &ClientId) -> Result<()> {
    if client_id.is_server() {
        return Ok(());
    }
    get(core, client_id).await.map(drop)
}

/// A page of clients, as the API shows them.
pub async fn list(core: &Core, principal: &Principal, query: ClientQuery) -> Result<ClientPage> {
    principal.authorize(Permission::ReadResults)?;
    let found = core.storage.database.clients(query).await?;
    Ok(ClientPage {
        total: found.total,
        clients: views(core, found.items).await?,
    })
}

/// A client as the API shows it.
pub async fn view(core: &Core, client: Client) -> Result<api::Client> {
    let view = views(core, vec![client]).await?.pop();
    view.ok_or_else(|| Error::Internal("a client was asked for its collections and none answered".into()))
}

async fn views(core: &Core, clients: Vec<Client>) -> Result<Vec<api::Client>> {
    let ids: Vec<ClientId> = clients.iter().map(|client| client.client_id.clone()).collect();
    let in_flight = core.storage.database.in_flight(&ids).await?;
    let views = clients.into_iter().zip(in_flight);
    Ok(views
        .map(|(client, in_flight)| to_api(client, in_flight))
        .collect())
}

fn to_api(client: Client, in_flight: Vec<FlowId>) -> api::Client {
    let facts = client.facts;
    api::Client {
        client_id: client.client_id.into(),
        hostname: facts.hostname,
        fqdn: facts.fqdn,
        os: facts.os,
        os_release: facts.release,
        architecture: facts.architecture,
        agent_name: facts.agent_name,
        agent_version: facts.agent_version,
        addresses: facts.addresses,
        last_ip: client.last_ip,
        mac_addresses: facts.mac_addresses,
        labels: client.labels,
        online: client.held.is_some(),
        first_seen: clock::show(client.first_seen),
        last_seen: clock::show(client.last_seen),
        last_interrogate_flow_id: client.last_interrogate_flow_id.map(String::from),
        in_flight_flows: in_flight.into_iter().map(String::from).collect(),
        metadata: client.metadata,
    }
}
