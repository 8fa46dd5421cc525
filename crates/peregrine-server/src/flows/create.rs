//! Making a collection: check, compile, store with its task, wake the agent.

use crate::artifacts::{CompileError, Compiled, Limits, Spec};
use crate::push::{Change, announce};
use crate::shared::{Shared, topics};
use crate::users::{Permission, Principal};
use crate::{Error, Result, audit, clock};
use peregrine_proto::{FlowRequest, Message, VeloMessage, VqlCollectorArgs, flow_request};
use peregrine_store::{Flow, FlowState, Task};
use peregrine_wire::ids;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How often agents flush logs and progress (ms).
const LOG_BATCH_MS: u64 = 2000;
/// Log lines of a collection, unless the request says otherwise.
const MAX_LOGS: u64 = 100_000;
/// Artifacts in one collection.
const MAX_ARTIFACTS: usize = 100;

/// What a user asks for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CollectRequest {
    pub(crate) artifacts: Vec<Spec>,
    pub(crate) cpu_limit: f32,
    pub(crate) iops_limit: f32,
    pub(crate) timeout: u64,
    pub(crate) progress_timeout: f32,
    pub(crate) max_rows: u64,
    pub(crate) max_upload_bytes: u64,
    pub(crate) max_logs: u64,
    pub(crate) urgent: bool,
}

impl CollectRequest {
    /// One artifact with its defaults.
    pub(crate) fn of(artifact: &str) -> CollectRequest {
        let spec = Spec {
            artifact: artifact.to_owned(),
            parameters: Default::default(),
        };
        CollectRequest {
            artifacts: vec![spec],
            ..CollectRequest::default()
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            cpu_limit: self.cpu_limit,
            iops_limit: self.iops_limit,
            timeout: self.timeout,
            progress_timeout: self.progress_timeout,
            max_rows: self.max_rows,
            max_upload_bytes: self.max_upload_bytes,
        }
    }
}

/// Checks that these are client artifacts, and compiles them.
pub(crate) fn compile(shared: &Shared, request: &CollectRequest) -> Result<Compiled> {
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
    for spec in &request.artifacts {
        let fault = |message: String| CompileError {
            artifact: spec.artifact.clone(),
            parameter: None,
            message,
        };
        let name = spec.artifact.split('/').next().unwrap_or_default();
        let Some(artifact) = shared.artifacts.get(name) else {
            return Err(fault(format!("no artifact `{name}`")).into());
        };
        let kind = artifact.r#type.to_uppercase();
        if !kind.is_empty() && kind != "CLIENT" {
            let message = format!(
                "`{name}` is of type {kind}; only artifacts of type CLIENT can be collected from a client"
            );
            return Err(fault(message).into());
        }
    }
    Ok(shared.artifacts.compile(&request.artifacts, &request.limits())?)
}

/// Makes a collection for a user.
pub(crate) async fn create(
    shared: &Shared,
    principal: &Principal,
    client_id: &str,
    request: &CollectRequest,
) -> Result<String> {
    for spec in &request.artifacts {
        let Some(artifact) = shared.artifacts.get(&spec.artifact) else {
            continue;
        };
        let is_basic = artifact.metadata.as_ref().is_some_and(|metadata| metadata.basic);
        if !(is_basic && principal.permissions.contains(&Permission::CollectBasic)) {
            principal.authorize(Permission::CollectClient)?;
        }
        for name in &artifact.required_permissions {
            if let Some(permission) = Permission::from_name(name) {
                principal.authorize(permission)?;
            }
        }
    }
    if shared.storage.database.client(client_id).await?.is_none() {
        return Err(Error::NotFound("client", client_id.to_owned()));
    }
    let flow_id = schedule(shared, &principal.name, client_id, request).await?;
    let detail = json!({"client": client_id, "flow_id": flow_id, "details": request});
    audit::record(shared, &principal.name, &principal.ip, "ScheduleFlow", detail).await?;
    Ok(flow_id)
}

/// Makes a collection without asking who wants it.
pub(crate) async fn schedule(
    shared: &Shared,
    creator: &str,
    client_id: &str,
    request: &CollectRequest,
) -> Result<String> {
    let compiled = compile(shared, request)?;
    let flow_id = ids::new_flow_id()?;
    let message = VeloMessage {
        session_id: flow_id.clone(),
        request_id: ids::request::QUERY,
        urgent: request.urgent,
        flow_request: Some(FlowRequest {
            vql_client_actions: hide_names(shared, compiled.requests)?,
            log_batch_time: LOG_BATCH_MS,
            max_rows: compiled.max_rows,
            max_upload_bytes: compiled.max_upload_bytes,
            max_logs: if request.max_logs == 0 {
                MAX_LOGS
            } else {
                request.max_logs
            },
            log_error_regex: shared.config.frontend.collection_error_regex.clone(),
            compression: flow_request::Compression::Zlib.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let task = Task {
        flow_id: flow_id.clone(),
        is_flow_request: true,
        urgent: request.urgent,
        message: message.encode_to_vec(),
    };
    let flow = Flow {
        client_id: client_id.to_owned(),
        flow_id: flow_id.clone(),
        state: FlowState::Running,
        status: None,
        creator: creator.to_owned(),
        created: clock::now(),
        delivered: None,
        started: None,
        last_active: None,
        heard: None,
        finished: None,
        duration_ns: 0,
        rows: 0,
        logs: 0,
        uploaded_files: 0,
        uploaded_bytes: 0,
        artifacts: request
            .artifacts
            .iter()
            .map(|spec| spec.artifact.clone())
            .collect(),
        urgent: request.urgent,
        request: serde_json::to_string(request).map_err(|error| Error::Internal(error.to_string()))?,
        query_stats: "[]".into(),
    };
    shared.storage.database.create_flow(flow, vec![task]).await?;
    shared.storage.bus.publish(topics::TASKS, client_id).await?;
    announce(
        shared,
        &Change::Flow {
            client_id: client_id.to_owned(),
            flow_id: flow_id.clone(),
        },
    )
    .await;
    Ok(flow_id)
}

/// Hides result names from agents, where that is on.
pub(crate) fn hide_names(
    shared: &Shared,
    mut requests: Vec<VqlCollectorArgs>,
) -> Result<Vec<VqlCollectorArgs>> {
    if let Some(names) = &shared.obfuscator {
        for query in requests.iter_mut().flat_map(|request| &mut request.query) {
            if !query.name.is_empty() {
                query.name = names.hide(&query.name)?;
            }
        }
    }
    Ok(requests)
}
