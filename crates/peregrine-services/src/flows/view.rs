//! A flow as the API shows it.

use crate::users::{Permission, Principal};
use crate::{Core, Result, clock};
use peregrine_store::{Flow, FlowQuery, FlowState, Micros, ResultSet, SetKind};
use serde_json::{Value, json};

/// A flow not heard of for so long is unresponsive.
const SILENCE: Micros = 300_000_000;

/// The state to show: a running flow is waiting, in progress or unresponsive.
pub fn state(flow: &Flow, now: Micros) -> &'static str {
    match flow.state {
        FlowState::Finished => "finished",
        FlowState::Error => "error",
        FlowState::Cancelled => "cancelled",
        FlowState::Running if flow.delivered.is_none() => "waiting",
        FlowState::Running if now - flow.heard.or(flow.delivered).unwrap_or(now) > SILENCE => "unresponsive",
        FlowState::Running if flow.heard.is_none() => "waiting",
        FlowState::Running => "in_progress",
    }
}

/// A page of flows, as the API shows them.
pub async fn list(core: &Core, principal: &Principal, query: FlowQuery) -> Result<Value> {
    principal.authorize(Permission::ReadResults)?;
    let found = core.storage.database.flows(query).await?;
    let views = views(core, &found.items).await?;
    Ok(json!({"total": found.total, "flows": views}))
}

/// The summary.
pub async fn view(core: &Core, flow: &Flow) -> Result<Value> {
    let views = views(core, std::slice::from_ref(flow)).await?;
    Ok(views.into_iter().next().unwrap_or_default())
}

/// The summaries.
pub async fn views(core: &Core, flows: &[Flow]) -> Result<Vec<Value>> {
    let ids: Vec<(String, String)> = flows
        .iter()
        .map(|flow| (flow.client_id.clone(), flow.flow_id.clone()))
        .collect();
    let sets = core.storage.database.result_sets_of(&ids).await?;
    Ok(flows
        .iter()
        .zip(&sets)
        .map(|(flow, sets)| shown(flow, sets))
        .collect())
}

fn shown(flow: &Flow, sets: &[ResultSet]) -> Value {
    let sources: Vec<Value> = sets
        .iter()
        .filter(|set| set.kind == SetKind::Rows)
        .map(|set| json!({"name": set.name, "rows": set.rows()}))
        .collect();
    let time = |at: Option<Micros>| at.map(clock::show);
    json!({
        "flow_id": flow.flow_id,
        "client_id": flow.client_id,
        "artifacts": flow.artifacts,
        "state": state(flow, clock::now()),
        "status": flow.status,
        "creator": flow.creator,
        "created": clock::show(flow.created),
        "started": time(flow.started.or(flow.delivered)),
        "last_active": time(flow.last_active.or(flow.heard)),
        "finished_at": time(flow.finished),
        "duration_ms": flow.duration_ns / 1_000_000,
        "rows": flow.rows,
        "logs": flow.logs,
        "uploaded_files": flow.uploaded_files,
        "uploaded_bytes": flow.uploaded_bytes,
        "sources": sources,
        "urgent": flow.urgent,
    })
}

/// The summary with request, state of each query, and limits.
pub async fn view_in_full(core: &Core, flow: &Flow) -> Result<Value> {
    let mut view = view(core, flow).await?;
    let mut request: Value = serde_json::from_str(&flow.request).unwrap_or_default();
    let in_force = request
        .as_object_mut()
        .and_then(|request| request.remove("limits"))
        .unwrap_or_else(|| request.clone());
    let limits = [
        "cpu_limit",
        "iops_limit",
        "timeout",
        "progress_timeout",
        "max_rows",
        "max_upload_bytes",
        "max_logs",
    ];
    view["limits"] = limits
        .iter()
        .map(|name| ((*name).to_owned(), in_force[*name].clone()))
        .collect();
    view["query_stats"] = serde_json::from_str(&flow.query_stats).unwrap_or_default();
    view["request"] = request;
    let uploads = core
        .storage
        .database
        .uploads(&flow.client_id, &flow.flow_id)
        .await?;
    view["uploads"] = uploads
        .iter()
        .map(|upload| {
            json!({"path": upload.vfs_path, "accessor": upload.accessor, "size": upload.file_size,
                "uploaded_size": upload.uploaded_size, "finished_at": clock::show(upload.finished)})
        })
        .collect();
    Ok(view)
}
