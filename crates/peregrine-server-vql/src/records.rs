//! Clients and flows as dicts; field names are those of the reference's messages.

use peregrine_engine::json;
use peregrine_engine::prelude::*;
use peregrine_store::{Client, ClientId, Flow, FlowId, FlowState, Micros, ResultSet, SetKind};

use crate::Stored;

/// Clients, in the form of rows of `clients()`.
pub(crate) fn clients(stored: &Stored, clients: &[Client]) -> VqlResult<Vec<Dict>> {
    let ids: Vec<ClientId> = clients.iter().map(|client| client.client_id.clone()).collect();
    let in_flight = stored.wait(stored.database.in_flight(&ids))?;
    let pairs = clients.iter().zip(&in_flight);
    Ok(pairs.map(|(each, in_flight)| client(each, in_flight)).collect())
}

fn client(client: &Client, in_flight: &[FlowId]) -> Dict {
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
        ("first_seen_at", Value::Int(client.first_seen)),
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
        ("labels", texts(&client.labels)),
        ("last_event_table_version", Value::Int(client.event_table_version)),
        ("last_label_timestamp", Value::Int(client.labels_changed)),
        (
            "in_flight_flows",
            in_flight.iter().map(|flow| Value::from(flow.as_str())).collect(),
        ),
        ("metadata", Value::Dict(Dict::from_pairs(metadata))),
    ])
}

/// Collections, in the form of rows of `flows()`.
pub(crate) fn flows(
    scope: &Scope,
    stored: &Stored,
    flows: &[Flow],
    is_summary: bool,
) -> VqlResult<Vec<Dict>> {
    let ids: Vec<(ClientId, FlowId)> = flows
        .iter()
        .map(|flow| (flow.client_id.clone(), flow.flow_id.clone()))
        .collect();
    let sets = stored.wait(stored.database.result_sets_of(&ids))?;
    let pairs = flows.iter().zip(sets);
    Ok(pairs
        .map(|(each, sets)| flow(scope, each, sets, is_summary))
        .collect())
}

fn flow(scope: &Scope, flow: &Flow, sets: Vec<ResultSet>, is_summary: bool) -> Dict {
    let with_results: Vec<String> = sets
        .into_iter()
        .filter(|set| set.kind == SetKind::Rows && set.rows() > 0)
        .map(|set| set.name)
        .collect();
    let now = micros(scope.clock().now());
    // VQL has no such state: a cancelled collection is an error whose status says who cancelled it.
    let state = match flow.state {
        FlowState::Cancelled => "ERROR".to_owned(),
        _ => peregrine_services::flows::state(flow, now)
            .name()
            .to_ascii_uppercase(),
    };
    let number = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let record = Dict::from_pairs([
        ("session_id", Value::from(flow.flow_id.as_str())),
        ("client_id", Value::from(flow.client_id.as_str())),
        ("create_time", Value::Int(flow.created)),
        (
            "start_time",
            Value::Int(flow.started.or(flow.delivered).unwrap_or(0)),
        ),
        (
            "active_time",
            Value::Int(flow.last_active.or(flow.heard).unwrap_or(0)),
        ),
        ("state", Value::from(state)),
        ("status", Value::from(flow.status.as_deref().unwrap_or_default())),
        ("artifacts_with_results", texts(&with_results)),
        ("total_uploaded_files", number(flow.uploaded_files)),
        ("total_uploaded_bytes", number(flow.uploaded_bytes)),
        ("total_collected_rows", number(flow.rows)),
        ("total_logs", number(flow.logs)),
        ("execution_duration", Value::Int(flow.duration_ns)),
    ]);
    if !is_summary {
        record.set("request", request(flow));
        let statistics = json::parse(flow.query_stats.as_bytes());
        record.set("query_stats", statistics.unwrap_or_default());
    }
    record
}

/// The request, with the field names of the reference.
fn request(flow: &Flow) -> Value {
    let asked: serde_json::Value = serde_json::from_str(&flow.request).unwrap_or_default();
    let specs = asked["artifacts"].as_array().into_iter().flatten().map(|spec| {
        let parameters = spec["parameters"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| {
                let pair = [
                    ("key", name.as_str()),
                    ("value", value.as_str().unwrap_or_default()),
                ];
                Value::Dict(Dict::from_pairs(pair))
            });
        let env = Dict::from_pairs([("env", parameters.collect::<Value>())]);
        Value::Dict(Dict::from_pairs([
            (
                "artifact",
                Value::from(spec["artifact"].as_str().unwrap_or_default()),
            ),
            ("parameters", Value::Dict(env)),
        ]))
    });
    let request = Dict::from_pairs([
        ("client_id", Value::from(flow.client_id.as_str())),
        ("creator", Value::from(flow.creator.as_str())),
        ("artifacts", texts(&flow.artifacts)),
        ("specs", specs.collect::<Value>()),
        ("urgent", Value::Bool(flow.urgent)),
    ]);
    for limit in [
        "cpu_limit",
        "iops_limit",
        "timeout",
        "progress_timeout",
        "max_rows",
        "max_upload_bytes",
        "max_logs",
    ] {
        let value = json::parse(asked[limit].to_string().as_bytes());
        request.set(limit, value.unwrap_or_default());
    }
    Value::Dict(request)
}

/// Microseconds since the epoch.
pub(crate) fn micros(time: Time) -> Micros {
    Micros::try_from(time.unix_nanos() / 1_000).unwrap_or(Micros::MAX)
}

fn texts(texts: &[String]) -> Value {
    texts.iter().map(|text| Value::from(text.as_str())).collect()
}
