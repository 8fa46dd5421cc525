//! Collections as dicts, with the members of the reference in its order.

use peregrine_engine::json;
use peregrine_engine::prelude::*;
use peregrine_store::{ClientId, Flow, FlowId, FlowState, ResultSet, SetKind};

use crate::Stored;
use crate::query_stats::QueryStats;
use crate::records::{micros, texts};

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
        .map(|(each, sets)| {
            let record = flow(scope, each, sets);
            if is_summary {
                record.remove("request");
                record.remove("query_stats");
            }
            record
        })
        .collect())
}

/// What a flow has that comes from its request and from the states of its queries, or is made from them.
const DETAILS: [&str; 7] = [
    "request",
    "backtrace",
    "total_expected_uploaded_bytes",
    "total_requests",
    "outstanding_requests",
    "transactions_outstanding",
    "query_stats",
];

/// As [`flows`], for collections of which request and states of queries were not read.
pub(crate) fn basic(scope: &Scope, stored: &Stored, of: &[Flow]) -> VqlResult<Vec<Dict>> {
    let records = flows(scope, stored, of, false)?;
    for record in &records {
        for name in DETAILS {
            record.remove(name);
        }
    }
    Ok(records)
}

/// What is always empty belongs to how the reference stores and sends collections; queries over all columns expect it.
fn flow(scope: &Scope, flow: &Flow, sets: Vec<ResultSet>) -> Dict {
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
    let in_flight = flow.delivered.filter(|_| flow.state == FlowState::Running);
    let queries = QueryStats::parse(&flow.query_stats);
    let number = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let none = || Value::from(Vec::<Value>::new());
    Dict::from_pairs([
        ("client_id", Value::from(flow.client_id.as_str())),
        ("session_id", Value::from(flow.flow_id.as_str())),
        ("request", request(flow)),
        ("previous_flows", none()),
        ("backtrace", Value::from(queries.backtrace())),
        ("create_time", Value::Int(flow.created)),
        (
            "start_time",
            Value::Int(flow.started.or(flow.delivered).unwrap_or(0)),
        ),
        (
            "active_time",
            Value::Int(flow.last_active.or(flow.heard).unwrap_or(0)),
        ),
        ("inflight_time", Value::Int(in_flight.unwrap_or(0))),
        ("total_uploaded_files", number(flow.uploaded_files)),
        (
            "total_expected_uploaded_bytes",
            Value::Int(queries.expected_uploaded_bytes()),
        ),
        ("total_uploaded_bytes", number(flow.uploaded_bytes)),
        ("total_collected_rows", number(flow.rows)),
        ("total_logs", number(flow.logs)),
        ("total_requests", Value::from(queries.count())),
        ("outstanding_requests", Value::from(queries.running())),
        (
            "transactions_outstanding",
            number(queries.outstanding_transactions()),
        ),
        ("next_response_id", Value::Int(0)),
        ("execution_duration", Value::Int(flow.duration_ns)),
        ("state", Value::from(state)),
        ("status", Value::from(flow.status.as_deref().unwrap_or_default())),
        ("artifacts_with_results", texts(&with_results)),
        ("query_stats", queries.to_value()),
        ("uploaded_files", none()),
        ("user_notified", Value::Bool(false)),
        ("logs", none()),
        ("dirty", Value::Bool(false)),
        ("total_loads", Value::Int(0)),
    ])
}

/// The request of a collection, as the reference shows it.
pub(crate) fn request(flow: &Flow) -> Value {
    requested(&Requested {
        creator: &flow.creator,
        client_id: flow.client_id.as_str(),
        flow_id: flow.flow_id.as_str(),
        is_urgent: flow.urgent,
        artifacts: &flow.artifacts,
        request: &flow.request,
    })
}

/// A request, of a collection or of a hunt.
pub(crate) struct Requested<'a> {
    pub(crate) creator: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) flow_id: &'a str,
    pub(crate) is_urgent: bool,
    pub(crate) artifacts: &'a [String],
    /// As it is stored (JSON).
    pub(crate) request: &'a str,
}

/// A request in the form of the reference.
pub(crate) fn requested(requested: &Requested<'_>) -> Value {
    let asked: serde_json::Value = serde_json::from_str(requested.request).unwrap_or_default();
    let number = |within: &serde_json::Value, name: &str| {
        let value = json::parse(within[name].to_string().as_bytes()).unwrap_or_default();
        if value.is_null() { Value::Int(0) } else { value }
    };
    let limit = |name: &str| number(&asked, name);
    let specs = asked["artifacts"].as_array().into_iter().flatten().map(|asked| {
        let parameters = asked["parameters"].as_object().into_iter().flatten();
        let parameters = parameters.map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()));
        let spec = spec(asked["artifact"].as_str().unwrap_or_default(), parameters);
        for name in [
            "cpu_limit",
            "max_batch_wait",
            "max_batch_rows",
            "max_batch_rows_buffer",
            "timeout",
        ] {
            spec.set(name, number(asked, name));
        }
        Value::Dict(spec)
    });
    let has_overrides = asked["allow_custom_overrides"].as_bool().unwrap_or(false);
    Value::Dict(Dict::from_pairs([
        ("creator", Value::from(requested.creator)),
        ("user_data", Value::from("")),
        ("client_id", Value::from(requested.client_id)),
        ("flow_id", Value::from(requested.flow_id)),
        ("urgent", Value::Bool(requested.is_urgent)),
        ("summary", Value::Bool(false)),
        ("artifacts", texts(requested.artifacts)),
        ("specs", specs.collect::<Value>()),
        ("cpu_limit", limit("cpu_limit")),
        ("iops_limit", limit("iops_limit")),
        ("progress_timeout", limit("progress_timeout")),
        ("timeout", limit("timeout")),
        ("max_rows", limit("max_rows")),
        ("max_logs", limit("max_logs")),
        ("max_upload_bytes", limit("max_upload_bytes")),
        ("trace_freq_sec", Value::Int(0)),
        ("allow_custom_overrides", Value::Bool(has_overrides)),
        ("log_batch_time", Value::Int(0)),
        // What is sent to the client is made of the request anew, and not stored.
        ("compiled_collector_args", Value::from(Vec::<Value>::new())),
        ("ops_per_second", limit("ops_per_second")),
    ]))
}

/// An artifact with its parameters, as requests and the monitoring table have it.
pub(crate) fn spec<'a>(artifact: &str, parameters: impl Iterator<Item = (&'a str, &'a str)>) -> Dict {
    let env: Vec<Value> = parameters
        .map(|(name, value)| Value::Dict(Dict::from_pairs([("key", name), ("value", value)])))
        .collect();
    let parameters = Dict::new();
    if !env.is_empty() {
        parameters.set("env", Value::array(env));
    }
    Dict::from_pairs([
        ("artifact", Value::from(artifact)),
        ("parameters", Value::Dict(parameters)),
    ])
}
