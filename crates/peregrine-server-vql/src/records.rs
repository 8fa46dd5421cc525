//! Clients as dicts, with the members of the reference in its order.

use peregrine_engine::prelude::*;
use peregrine_store::{Client, ClientId, FlowId, Micros};

use crate::Stored;

/// The source that clients are interrogated with.
const INTERROGATION: &str = "Generic.Client.Info/BasicInformation";

/// Clients, in the form of rows of `clients()`.
pub(crate) fn clients(stored: &Stored, clients: &[Client]) -> VqlResult<Vec<Dict>> {
    let ids: Vec<ClientId> = clients.iter().map(|client| client.client_id.clone()).collect();
    let in_flight = stored.wait(stored.database.in_flight(&ids))?;
    let joined = stored.wait(stored.database.last_joined(&ids))?;
    let pairs = clients.iter().zip(&in_flight);
    pairs
        .map(|(each, flows)| {
            let last_joined = joined.get(&each.client_id).copied().unwrap_or(0);
            let flows = in_flight_flows(stored, &each.client_id, flows)?;
            Ok(client(each, last_joined, flows))
        })
        .collect()
}

/// When each was handed to the client.
fn in_flight_flows(stored: &Stored, client_id: &ClientId, flows: &[FlowId]) -> VqlResult<Dict> {
    let delivered = Dict::new();
    for flow_id in flows {
        let flow = stored.wait(stored.database.flow(client_id, flow_id))?;
        if let Some(at) = flow.and_then(|flow| flow.delivered) {
            delivered.set(flow_id.as_str(), at);
        }
    }
    Ok(delivered)
}

fn client(client: &Client, last_joined: Micros, in_flight: Dict) -> Dict {
    let facts = &client.facts;
    let agent = Dict::from_pairs([
        ("version", facts.agent_version.as_str()),
        ("name", facts.agent_name.as_str()),
        ("build_time", facts.build_time.as_str()),
        ("build_url", facts.build_url.as_str()),
    ]);
    let system = Dict::from_pairs([
        ("system", Value::from(facts.os.as_str())),
        ("hostname", Value::from(facts.hostname.as_str())),
        ("release", Value::from(facts.release.as_str())),
        ("machine", Value::from(facts.architecture.as_str())),
        ("fqdn", Value::from(facts.fqdn.as_str())),
        ("mac_addresses", texts(&facts.mac_addresses)),
    ]);
    let metadata = client
        .metadata
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()));
    Dict::from_pairs([
        ("client_id", Value::from(client.client_id.as_str())),
        ("agent_information", Value::Dict(agent)),
        ("os_info", Value::Dict(system)),
        ("first_seen_at", Value::Int(client.first_seen / 1_000_000)),
        ("last_seen_at", Value::Int(client.last_seen)),
        ("last_ip", Value::from(client.last_ip.as_str())),
        (
            "last_interrogate_flow_id",
            Value::from(
                client
                    .last_interrogate_flow_id
                    .as_ref()
                    .map_or("", FlowId::as_str),
            ),
        ),
        (
            "last_interrogate_artifact_name",
            Value::from(
                client
                    .last_interrogate_flow_id
                    .as_ref()
                    .map_or("", |_| INTERROGATION),
            ),
        ),
        ("labels", texts(&client.labels)),
        ("last_hunt_timestamp", Value::Int(last_joined)),
        ("last_event_table_version", Value::Int(client.event_table_version)),
        ("last_label_timestamp", Value::Int(client.labels_changed)),
        ("in_flight_flows", Value::Dict(in_flight)),
        ("metadata", Value::Dict(Dict::from_pairs(metadata))),
    ])
}

/// Microseconds since the epoch.
pub(crate) fn micros(time: Time) -> Micros {
    Micros::try_from(time.unix_nanos() / 1_000).unwrap_or(Micros::MAX)
}

/// A list of texts.
pub(crate) fn texts(texts: &[String]) -> Value {
    texts.iter().map(|text| Value::from(text.as_str())).collect()
}
