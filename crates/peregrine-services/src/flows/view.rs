//! A flow as the API shows it.

use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, clock};
use peregrine_api::flows::{self as api, FlowDetail, FlowLimits, FlowPage, FlowSource};
use peregrine_store::{ClientId, Flow, FlowId, FlowQuery, FlowState, Micros, ResultSet, SetKind, Upload};
use serde::Deserialize;
use serde_json::Value;

/// A running flow without any message for this long is unresponsive.
pub(crate) const SILENCE: Micros = 300_000_000;

/// The state to show: a running flow is waiting, in progress or unresponsive.
pub fn state(flow: &Flow, now: Micros) -> api::FlowState {
    match flow.state {
        FlowState::Finished => api::FlowState::Finished,
        FlowState::Error => api::FlowState::Error,
        FlowState::Cancelled => api::FlowState::Cancelled,
        // It began when it was made, and may be silent for as long as it likes.
        FlowState::Running if flow.client_id.is_server() => api::FlowState::InProgress,
        FlowState::Running if flow.delivered.is_none() => api::FlowState::Waiting,
        FlowState::Running if now - flow.heard.or(flow.delivered).unwrap_or(now) > SILENCE => {
            api::FlowState::Unresponsive
        }
        FlowState::Running if flow.heard.is_none() => api::FlowState::Waiting,
        FlowState::Running => api::FlowState::InProgress,
    }
}

/// A page of flows, as the API shows them.
pub async fn list(core: &Core, principal: &Principal, query: FlowQuery) -> Result<FlowPage> {
    principal.authorize(Permission::ReadResults)?;
    let found = core.storage.database.flows(query).await?;
    let flows = views(core, &found.items).await?;
    Ok(FlowPage {
        total: found.total,
        flows,
    })
}

pub async fn view(core: &Core, flow: &Flow) -> Result<api::Flow> {
    let mut views = views(core, std::slice::from_ref(flow)).await?;
    views
        .pop()
        .ok_or_else(|| Error::Internal("a flow was asked for its results and none answered".into()))
}

/// Flows as the API lists them.
pub async fn views(core: &Core, flows: &[Flow]) -> Result<Vec<api::Flow>> {
    let ids: Vec<(ClientId, FlowId)> = flows
        .iter()
        .map(|flow| (flow.client_id.clone(), flow.flow_id.clone()))
        .collect();
    let sets = core.storage.database.result_sets_of(&ids).await?;
    Ok(flows
        .iter()
        .zip(&sets)
        .map(|(flow, sets)| to_api(flow, sets))
        .collect())
}

fn to_api(flow: &Flow, sets: &[ResultSet]) -> api::Flow {
    let tables = sets.iter().filter(|set| set.kind == SetKind::Rows);
    let time = |at: Option<Micros>| at.map(clock::show);
    api::Flow {
        flow_id: flow.flow_id.to_string(),
        client_id: flow.client_id.to_string(),
        artifacts: flow.artifacts.clone(),
        state: state(flow, clock::now()),
        status: flow.status.clone(),
        creator: flow.creator.clone(),
        created: clock::show(flow.created),
        started: time(flow.started.or(flow.delivered)),
        last_active: time(flow.last_active.or(flow.heard)),
        finished_at: time(flow.finished),
        duration_ms: flow.duration_ns / 1_000_000,
        rows: flow.rows,
        logs: flow.logs,
        uploaded_files: flow.uploaded_files,
        uploaded_bytes: flow.uploaded_bytes,
        sources: tables
            .map(|set| FlowSource {
                name: set.name.clone(),
                rows: set.rows(),
            })
            .collect(),
        urgent: flow.urgent,
    }
}

/// The summary plus request, state of each query, limits and files.
pub async fn view_in_full(core: &Core, flow: &Flow) -> Result<FlowDetail> {
    let database = &core.storage.database;
    let uploads = database.uploads(&flow.client_id, &flow.flow_id).await?;
    let (request, limits) = request_and_limits(&flow.request);
    Ok(FlowDetail {
        flow: view(core, flow).await?,
        limits,
        query_stats: serde_json::from_str(&flow.query_stats).unwrap_or_default(),
        request,
        uploads: uploads.into_iter().map(shown_upload).collect(),
    })
}

/// The two parts of a stored request.
pub(crate) fn request_and_limits(stored: &str) -> (Value, FlowLimits) {
    let mut request: Value = serde_json::from_str(stored).unwrap_or_default();
    let limits = request
        .as_object_mut()
        .and_then(|request| request.remove("limits"))
        .unwrap_or_else(|| request.clone());
    (request, FlowLimits::deserialize(limits).unwrap_or_default())
}

fn shown_upload(upload: Upload) -> api::Upload {
    api::Upload {
        path: upload.vfs_path,
        accessor: upload.accessor,
        size: upload.file_size,
        uploaded_size: upload.uploaded_size,
        finished_at: clock::show(upload.finished),
    }
}
