//! Interrogation: collecting facts from a new client, and reading them from its rows.

use crate::flows::{self, schedule};
use crate::table::{SetSource, TableQuery, cells, page};
use crate::users::{Permission, Principal};
use crate::{Core, Result, clock};
use peregrine_api::clients::{Interrogation, InterrogationTable};
use peregrine_api::flows::{ArtifactSpec, CollectRequest};
use peregrine_store::{Client, ClientFacts, ClientId, FlowId, FlowQuery, SetKind, chunk};
use serde_json::Value;

const INTERROGATION: &str = "Generic.Client.Info";
/// A user's own version of it, which is collected instead when it exists.
const CUSTOM: &str = "Custom.Generic.Client.Info";
/// The creator recorded for automatic interrogations.
const SERVICE: &str = "InterrogationService";
/// Rows shown per table.
const SHOWN_ROWS: u64 = 100;

/// Schedules an interrogation for a client that never had one; returns whether it did.
pub async fn ensure_interrogated(core: &Core, client: &Client) -> Result<bool> {
    if client.last_interrogate_flow_id.is_some() {
        return Ok(false);
    }
    let request = request();
    let Ok(resolved) = flows::find(core, None, &request) else {
        // A server without this artifact still works; its clients just have no facts.
        return Ok(false);
    };
    let client_id = Some(client.client_id.clone());
    let query = FlowQuery {
        client_id,
        search: Some(SERVICE.into()),
        limit: 1,
        ..FlowQuery::default()
    };
    if core.storage.database.flows(query).await?.total > 0 {
        return Ok(false);
    }
    let client_id = &client.client_id;
    let made = schedule(core, SERVICE, client_id, &request, &resolved.by_the_server()).await;
    if let Err(error) = &made {
        tracing::warn!(%client_id, %error, "client not interrogated");
    }
    Ok(made.is_ok())
}

/// Interrogates a client again, on behalf of a user.
pub async fn interrogate(core: &Core, principal: &Principal, client_id: &ClientId) -> Result<FlowId> {
    flows::create(core, principal, client_id, &request()).await
}

/// The tables of the last interrogation, as the API shows them.
pub async fn interrogation(
    core: &Core,
    principal: &Principal,
    client_id: &ClientId,
) -> Result<Interrogation> {
    principal.authorize(Permission::ReadResults)?;
    let client = super::get(core, client_id).await?;
    let Some(flow_id) = client.last_interrogate_flow_id else {
        return Ok(Interrogation::default());
    };
    let database = &core.storage.database;
    let flow = database.flow(client_id, &flow_id).await?;
    let query = TableQuery {
        limit: SHOWN_ROWS,
        ..TableQuery::default()
    };
    let mut tables = Vec::new();
    for set in database
        .result_sets(client_id, &flow_id)
        .await?
        .iter()
        .filter(|set| set.kind == SetKind::Rows)
    {
        let source = SetSource::new(database.clone(), set);
        let page = page(core, &source, &query, &[], true).await?;
        tables.push(InterrogationTable::new(&set.name, page));
    }
    Ok(Interrogation {
        flow_id: Some(flow_id.into()),
        finished_at: flow.and_then(|flow| flow.finished).map(clock::show),
        tables,
    })
}

fn request() -> CollectRequest {
    CollectRequest {
        artifacts: vec![ArtifactSpec::of(INTERROGATION)],
        allow_custom_overrides: true,
        urgent: true,
        ..CollectRequest::default()
    }
}

/// Facts and labels from the rows of an interrogation; none for other sources.
pub fn facts_of_interrogation(source: &str, rows: &[u8]) -> Option<(ClientFacts, Vec<String>)> {
    let (artifact, source) = source.split_once('/')?;
    if source != "BasicInformation" || !matches!(artifact, INTERROGATION | CUSTOM) {
        return None;
    }
    let row = first_row(rows)?;
    let text = |key: &str| clip(row[key].as_str().unwrap_or_default().trim());
    let facts = ClientFacts {
        hostname: text("Hostname"),
        fqdn: text("Fqdn"),
        os: text("OS"),
        release: format!("{} {}", text("Platform"), text("PlatformVersion"))
            .trim()
            .to_owned(),
        architecture: text("Architecture"),
        agent_name: text("Name"),
        agent_version: text("Version"),
        build_time: text("BuildTime"),
        build_url: text("build_url"),
        addresses: addresses(&row["IPAddresses"]),
        mac_addresses: texts(&row["MACAddresses"]).unwrap_or_default(),
    };
    Some((facts, texts(&row["Labels"]).unwrap_or_default()))
}

/// Facts and labels an agent sends about itself from time to time.
pub fn facts_of_agent(rows: &[u8]) -> Option<(ClientFacts, Vec<String>)> {
    let row = first_row(rows)?;
    let text = |key: &str| clip(row[key].as_str().unwrap_or_default().trim());
    let facts = ClientFacts {
        hostname: text("hostname"),
        fqdn: text("fqdn"),
        os: text("system"),
        release: text("release"),
        architecture: text("architecture"),
        agent_name: text("client_name"),
        agent_version: text("client_version"),
        build_time: text("build_time"),
        build_url: text("build_url"),
        addresses: addresses(&row["addresses"]),
        mac_addresses: texts(&row["mac_addresses"]).unwrap_or_default(),
    };
    Some((facts, texts(&row["labels"]).unwrap_or_default()))
}

fn first_row(rows: &[u8]) -> Option<Value> {
    Some(Value::Object(cells::row(chunk::lines(rows).next()?)))
}

/// Bytes kept of one fact, and items kept of a list: an agent may send anything.
const MAX_FACT: usize = 1024;
const MAX_LIST: usize = 200;

fn clip(text: &str) -> String {
    text.get(..text.floor_char_boundary(MAX_FACT))
        .unwrap_or_default()
        .to_owned()
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let list = value.as_array()?;
    Some(
        list.iter()
            .filter_map(|item| item.as_str())
            .take(MAX_LIST)
            .map(clip)
            .collect(),
    )
}

/// Addresses of all network interfaces without their prefix length: nested lists, and text separated by commas.
fn addresses(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut pending = vec![value];
    while let Some(value) = pending.pop() {
        match value {
            // Reversed, as `pop` takes from the end.
            Value::Array(list) => pending.extend(list.iter().rev()),
            Value::String(text) => {
                let bare = text
                    .split(',')
                    .map(|part| part.split('/').next().unwrap_or_default().trim());
                found.extend(bare.filter(|part| !part.is_empty()).map(clip));
            }
            _ => {}
        }
        if found.len() >= MAX_LIST {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_become_facts() {
        let row = json!({
            "Hostname": "web1", "OS": "linux", "Platform": "debian", "PlatformVersion": "13", "Labels": null,
            "IPAddresses": [["10.0.0.5/24", "fe80::1/64"], "192.168.1.1, 192.168.1.2"], "MACAddresses": ["aa:bb"],
        });
        let rows = format!("{row}\n");
        let (facts, labels) =
            facts_of_interrogation("Generic.Client.Info/BasicInformation", rows.as_bytes()).unwrap();
        assert_eq!(
            (facts.hostname.as_str(), facts.release.as_str(), labels.len()),
            ("web1", "debian 13", 0)
        );
        assert_eq!(
            facts.addresses,
            ["10.0.0.5", "fe80::1", "192.168.1.1", "192.168.1.2"]
        );
        assert!(facts_of_interrogation("Other/BasicInformation", rows.as_bytes()).is_none());
        assert!(facts_of_interrogation("Generic.Client.Info/BasicInformation", b"").is_none());
    }
}
