//! Making a collection: check, compile, store with its task, wake the agent.

use super::task;
use crate::Core;
use crate::changes::{Change, announce, topics};
use crate::launch::{self, Allowed, Wanted};
use crate::users::Principal;
use crate::{Error, Result, audit, clock};
use peregrine_artifacts::resources::Limits;
use peregrine_artifacts::{Compiled, Spec, Target};
use peregrine_proto::{FlowRequest, VeloMessage, flow_request};
use peregrine_store::{Flow, Task};
use peregrine_wire::ids;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

/// How often agents flush logs and progress (ms).
const LOG_BATCH_MS: u64 = 2000;
/// Log lines of a collection, unless the request says otherwise.
const MAX_LOGS: u64 = 100_000;
/// Artifacts in one collection.
const MAX_ARTIFACTS: usize = 100;

/// What a user asks for. In JSON the limits stand beside the other members.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CollectRequest {
    pub artifacts: Vec<Spec>,
    /// Prefers `Custom.<name>` where there is one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_custom_overrides: bool,
    #[serde(flatten)]
    pub limits: Limits,
    pub max_logs: u64,
    pub urgent: bool,
}

/// All but the limits.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Unlimited {
    artifacts: Vec<Spec>,
    allow_custom_overrides: bool,
    max_logs: u64,
    urgent: bool,
}

impl<'de> Deserialize<'de> for CollectRequest {
    /// In two passes: `flatten` cannot take numbers where the JSON library keeps their digits, and some part of the program
    /// may have asked it to.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<CollectRequest, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let limits = Limits::deserialize(&value).map_err(D::Error::custom)?;
        let rest = Unlimited::deserialize(&value).map_err(D::Error::custom)?;
        Ok(CollectRequest {
            artifacts: rest.artifacts,
            allow_custom_overrides: rest.allow_custom_overrides,
            limits,
            max_logs: rest.max_logs,
            urgent: rest.urgent,
        })
    }
}

impl CollectRequest {
    /// Finds what is asked for.
    pub fn find(&self, core: &Core) -> Result<Wanted> {
        if self.artifacts.is_empty() {
            return Err(Error::BadRequest(
                "no artifact is named; choose at least one".into(),
            ));
        }
        if self.artifacts.len() > MAX_ARTIFACTS {
            return Err(Error::TooLarge(format!(
                "more than {MAX_ARTIFACTS} artifacts; make several collections"
            )));
        }
        launch::find(core, &self.artifacts, self.allow_custom_overrides, Target::Client)
    }

    /// The request as it may be stored and shown.
    pub fn shown(&self, wanted: &Wanted) -> CollectRequest {
        CollectRequest {
            artifacts: wanted.shown(),
            ..self.clone()
        }
    }

    /// What is stored with the flow: the request, and the limits that came of it.
    fn stored(&self, wanted: &Wanted, compiled: &Compiled) -> Result<String> {
        let mut stored = to_json(&self.shown(wanted))?;
        stored["limits"] = to_json(&Limits {
            timeout: compiled
                .requests
                .iter()
                .map(|request| request.timeout)
                .max()
                .unwrap_or(0),
            max_rows: compiled.max_rows,
            max_upload_bytes: compiled.max_upload_bytes,
            ..self.limits
        })?;
        stored["limits"]["max_logs"] = json!(self.max_logs());
        Ok(stored.to_string())
    }

    fn max_logs(&self) -> u64 {
        if self.max_logs == 0 {
            MAX_LOGS
        } else {
            self.max_logs
        }
    }
}

fn to_json(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| Error::Internal(error.to_string()))
}

/// Makes a collection for a user.
pub async fn create(
    core: &Core,
    principal: &Principal,
    client_id: &str,
    request: &CollectRequest,
) -> Result<String> {
    let allowed = request.find(core)?.authorize(principal)?;
    if core.storage.database.client(client_id).await?.is_none() {
        return Err(Error::NotFound("client", client_id.to_owned()));
    }
    let flow_id = schedule(core, &principal.name, client_id, request, &allowed).await?;
    let detail = json!({"client": client_id, "flow_id": flow_id, "details": request.shown(&allowed)});
    audit::record(core, &principal.name, &principal.ip, "ScheduleFlow", detail).await?;
    Ok(flow_id)
}

/// Makes a collection of what somebody may launch.
pub(crate) async fn schedule(
    core: &Core,
    creator: &str,
    client_id: &str,
    request: &CollectRequest,
    allowed: &Allowed,
) -> Result<String> {
    let compiled = allowed.compile(core, &request.limits)?;
    let stored = request.stored(allowed, &compiled)?;
    let flow_id = ids::new_flow_id()?;
    let message = VeloMessage {
        session_id: flow_id.clone(),
        request_id: ids::request::QUERY,
        urgent: request.urgent,
        flow_request: Some(FlowRequest {
            vql_client_actions: compiled.requests,
            log_batch_time: LOG_BATCH_MS,
            max_rows: compiled.max_rows,
            max_upload_bytes: compiled.max_upload_bytes,
            max_logs: request.max_logs(),
            log_error_regex: core.settings.collection_error_regex.clone(),
            compression: flow_request::Compression::Zlib.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let task = Task {
        flow_id: flow_id.clone(),
        is_flow_request: true,
        urgent: request.urgent,
        message: task::pack(core, &message, allowed.has_secrets())?,
    };
    let flow = Flow {
        creator: creator.to_owned(),
        created: clock::now(),
        artifacts: allowed.shown().into_iter().map(|spec| spec.artifact).collect(),
        urgent: request.urgent,
        request: stored,
        ..Flow::new(client_id, flow_id.as_str())
    };
    core.storage.database.create_flow(flow, vec![task]).await?;
    core.storage.bus.publish(topics::TASKS, client_id).await?;
    announce(
        core,
        &Change::Flow {
            client_id: client_id.to_owned(),
            flow_id: flow_id.clone(),
        },
    )
    .await;
    Ok(flow_id)
}
