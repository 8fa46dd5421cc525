//! Creating a collection: check, compile, store with its task, notify the agent.

use super::task;
use crate::Core;
use crate::changes::{Change, announce, topics};
use crate::launch::{self, AuthorizedLaunch, ResolvedLaunch};
use crate::users::Principal;
use crate::{Error, Result, audit, clock};
use indexmap::IndexSet;
use peregrine_api::flows::{CollectRequest, FlowLimits};
use peregrine_artifacts::resources::Limits;
use peregrine_artifacts::{Compiled, Target};
use peregrine_proto::{FlowRequest, VeloMessage, flow_request};
use peregrine_store::{ClientId, Flow, FlowId, Task};
use peregrine_wire::ids;
use serde::Serialize;
use serde_json::{Value, json};

/// How often agents flush logs and progress (ms).
const LOG_BATCH_MS: u64 = 2000;
/// Limit of log lines per collection, unless the request sets one.
const MAX_LOGS: u64 = 100_000;
/// Artifacts in one collection.
const MAX_ARTIFACTS: usize = 100;

/// Resolves the artifacts of a request for a client, or for the server itself.
pub fn find(core: &Core, client_id: Option<&ClientId>, request: &CollectRequest) -> Result<ResolvedLaunch> {
    if request.artifacts.is_empty() {
        return Err(Error::BadRequest(
            "no artifact is named; choose at least one".into(),
        ));
    }
    if request.artifacts.len() > MAX_ARTIFACTS {
        return Err(Error::TooLarge(format!(
            "more than {MAX_ARTIFACTS} artifacts; make several collections"
        )));
    }
    let specs = launch::specs(&request.artifacts);
    let target = if client_id.is_some_and(ClientId::is_server) {
        Target::Server
    } else {
        Target::Client
    };
    launch::find(core, &specs, request.allow_custom_overrides, target)
}

pub fn limits(request: &CollectRequest) -> Limits {
    Limits {
        ops_per_second: request.ops_per_second,
        cpu_limit: request.cpu_limit,
        iops_limit: request.iops_limit,
        progress_timeout: request.progress_timeout,
        timeout: request.timeout,
        max_rows: request.max_rows,
        max_upload_bytes: request.max_upload_bytes,
    }
}

/// The request with secret parameters hidden, as it may be stored and shown.
pub fn redacted(request: &CollectRequest, resolved: &ResolvedLaunch) -> CollectRequest {
    CollectRequest {
        artifacts: launch::api_specs(resolved.redacted()),
        ..request.clone()
    }
}

/// The JSON stored with the flow: the request, and the effective limits.
fn stored_request(
    request: &CollectRequest,
    resolved: &ResolvedLaunch,
    compiled: &Compiled,
) -> Result<String> {
    let limits = FlowLimits {
        cpu_limit: Some(request.cpu_limit),
        iops_limit: Some(request.iops_limit),
        timeout: compiled
            .requests
            .iter()
            .map(|request| request.timeout)
            .max()
            .or(Some(0)),
        progress_timeout: Some(request.progress_timeout),
        max_rows: Some(compiled.max_rows),
        max_upload_bytes: Some(compiled.max_upload_bytes),
        max_logs: Some(max_logs(request)),
    };
    let mut stored = to_json(&redacted(request, resolved))?;
    stored["limits"] = to_json(&limits)?;
    Ok(stored.to_string())
}

/// Log lines a collection may have.
pub fn max_logs(request: &CollectRequest) -> u64 {
    if request.max_logs == 0 {
        MAX_LOGS
    } else {
        request.max_logs
    }
}

fn to_json(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| Error::Internal(error.to_string()))
}

/// Creates a collection on behalf of a user; returns its flow id.
pub async fn create(
    core: &Core,
    principal: &Principal,
    client_id: &ClientId,
    request: &CollectRequest,
) -> Result<FlowId> {
    if client_id.is_server() {
        return Err(Error::BadRequest(
            "artifacts of the server are collected where it runs queries".into(),
        ));
    }
    let authorized = find(core, Some(client_id), request)?.authorize(principal)?;
    if core.storage.database.client(client_id).await?.is_none() {
        return Err(Error::NotFound("client", client_id.to_string()));
    }
    let flow_id = schedule(core, &principal.name, client_id, request, &authorized).await?;
    let shown = redacted(request, &authorized);
    write_down(core, principal, client_id, &flow_id, &shown).await?;
    Ok(flow_id)
}

async fn write_down(
    core: &Core,
    principal: &Principal,
    client_id: &ClientId,
    flow_id: &FlowId,
    shown: &CollectRequest,
) -> Result<()> {
    let detail = json!({"client": client_id, "flow_id": flow_id, "details": shown});
    audit::record(core, &principal.name, &principal.ip, "ScheduleFlow", detail).await
}

/// A collection of artifacts of the server, checked and compiled, whose queries this program must run.
#[derive(Debug)]
pub struct OnServer {
    flow: Flow,
    pub compiled: Compiled,
    shown: CollectRequest,
}

/// Checks a collection on the server itself.
pub async fn prepare_on_server(
    core: &Core,
    principal: &Principal,
    request: &CollectRequest,
) -> Result<OnServer> {
    let client_id = ClientId::server();
    let authorized = find(core, Some(&client_id), request)?.authorize(principal)?;
    let compiled = authorized.compile(core, &limits(request)).await?;
    let stored = stored_request(request, &authorized, &compiled)?;
    let flow_id = ids::new_flow_id()?;
    Ok(OnServer {
        flow: new_flow(&principal.name, client_id, flow_id, request, &authorized, stored),
        compiled,
        shown: redacted(request, &authorized),
    })
}

impl OnServer {
    pub fn flow_id(&self) -> &FlowId {
        &self.flow.flow_id
    }

    /// Names of the artifacts, for lists.
    pub fn artifacts(&self) -> String {
        self.flow.artifacts.join(", ")
    }

    /// Stores it as running, and returns its requests.
    pub async fn begin(self, core: &Core, principal: &Principal) -> Result<Compiled> {
        let (client_id, flow_id) = (self.flow.client_id.clone(), self.flow.flow_id.clone());
        core.storage.database.create_flow(self.flow, Vec::new()).await?;
        write_down(core, principal, &client_id, &flow_id, &self.shown).await?;
        announce(core, &Change::Flow { client_id, flow_id }).await;
        Ok(self.compiled)
    }
}

fn new_flow(
    creator: &str,
    client_id: ClientId,
    flow_id: FlowId,
    request: &CollectRequest,
    authorized: &AuthorizedLaunch,
    stored: String,
) -> Flow {
    let artifacts = authorized.redacted().into_iter();
    Flow {
        creator: creator.to_owned(),
        created: clock::now(),
        artifacts: artifacts.map(|spec| spec.artifact).collect(),
        urgent: request.urgent,
        request: stored,
        ..Flow::new(client_id, flow_id)
    }
}

/// A collection compiled for agents, before it is decided which of them collects it.
pub(crate) struct Prepared {
    /// The JSON stored with the flow or the hunt.
    pub(crate) stored: String,
    /// Names of the tables it can have.
    pub(crate) sources: Vec<String>,
    message: VeloMessage,
    has_secrets: bool,
}

/// Compiles authorized artifacts.
pub(crate) async fn prepare(
    core: &Core,
    request: &CollectRequest,
    authorized: &AuthorizedLaunch,
) -> Result<Prepared> {
    let compiled = authorized.compile(core, &limits(request)).await?;
    let stored = stored_request(request, authorized, &compiled)?;
    let sources = sources(core, &compiled);
    let message = VeloMessage {
        request_id: ids::request::QUERY,
        urgent: request.urgent,
        flow_request: Some(FlowRequest {
            vql_client_actions: compiled.requests,
            log_batch_time: LOG_BATCH_MS,
            max_rows: compiled.max_rows,
            max_upload_bytes: compiled.max_upload_bytes,
            max_logs: max_logs(request),
            log_error_regex: core.settings.collection_error_regex.clone(),
            compression: flow_request::Compression::Zlib.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    Ok(Prepared {
        stored,
        sources,
        message,
        has_secrets: authorized.has_secrets(),
    })
}

fn sources(core: &Core, compiled: &Compiled) -> Vec<String> {
    let queries = compiled.requests.iter().flat_map(|request| &request.query);
    let named = queries.filter(|query| !query.name.is_empty());
    let shown = named.filter_map(|query| match &core.names {
        Some(names) => names.reveal(&query.name),
        None => Some(query.name.clone()),
    });
    shown.collect::<IndexSet<String>>().into_iter().collect()
}

impl Prepared {
    /// The message that starts it under this id, encoded for the queue.
    pub(crate) fn pack(self, core: &Core, flow_id: &FlowId) -> Result<Vec<u8>> {
        let message = VeloMessage {
            session_id: flow_id.to_string(),
            ..self.message
        };
        task::pack(core, &message, self.has_secrets)
    }
}

/// Stores a collection of authorized artifacts, with its task, and notifies the agent.
pub(crate) async fn schedule(
    core: &Core,
    creator: &str,
    client_id: &ClientId,
    request: &CollectRequest,
    authorized: &AuthorizedLaunch,
) -> Result<FlowId> {
    let prepared = prepare(core, request, authorized).await?;
    let flow_id = ids::new_flow_id()?;
    let stored = prepared.stored.clone();
    let task = Task {
        flow_id: flow_id.clone(),
        is_flow_request: true,
        urgent: request.urgent,
        message: prepared.pack(core, &flow_id)?,
    };
    let flow = new_flow(
        creator,
        client_id.clone(),
        flow_id.clone(),
        request,
        authorized,
        stored,
    );
    core.storage.database.create_flow(flow, vec![task]).await?;
    announce_scheduled(core, client_id, &flow_id).await?;
    Ok(flow_id)
}

/// Wakes the agent, and shows the new collection.
pub(crate) async fn announce_scheduled(core: &Core, client_id: &ClientId, flow_id: &FlowId) -> Result<()> {
    core.storage
        .bus
        .publish(topics::TASKS, client_id.as_str())
        .await?;
    let change = Change::Flow {
        client_id: client_id.clone(),
        flow_id: flow_id.clone(),
    };
    announce(core, &change).await;
    Ok(())
}
