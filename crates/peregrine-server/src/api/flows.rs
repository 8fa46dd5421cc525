//! Collections.

use super::extract::{Body, Params};
use crate::flows::{self, CollectRequest};
use crate::shared::Shared;
use crate::users::{Permission, Principal};
use crate::{Error, Result};
use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use peregrine_store::{FlowQuery, FlowSort, FlowState};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    principal: Principal,
    Path(client_id): Path<String>,
    Body(request): Body<CollectRequest>,
) -> Result<(StatusCode, Json<Value>)> {
    let flow_id = flows::create(&shared, &principal, &client_id, &request).await?;
    Ok((StatusCode::CREATED, Json(json!({"flow_id": flow_id}))))
}

#[derive(Deserialize)]
pub(super) struct List {
    #[serde(default)]
    offset: u64,
    limit: Option<u64>,
    search: Option<String>,
    state: Option<String>,
    sort: Option<String>,
    desc: Option<String>,
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    principal: Principal,
    Path(client_id): Path<String>,
    Params(list): Params<List>,
) -> Result<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let state = match list.state.as_deref() {
        None | Some("") => None,
        Some("finished") => Some(FlowState::Finished),
        Some("error") => Some(FlowState::Error),
        Some("cancelled") => Some(FlowState::Cancelled),
        // How a flow runs is known only when it is looked at, so these are one.
        Some("running" | "waiting" | "in_progress" | "unresponsive") => Some(FlowState::Running),
        Some(other) => return Err(Error::BadRequest(format!("unknown state `{other}`"))),
    };
    let sort = match list.sort.as_deref() {
        None | Some("" | "created") => FlowSort::Created,
        Some("last_active") => FlowSort::LastActive,
        Some("rows") => FlowSort::Rows,
        Some("artifacts") => FlowSort::Artifacts,
        Some("state") => FlowSort::State,
        Some("creator") => FlowSort::Creator,
        Some(other) => return Err(Error::BadRequest(format!("cannot sort flows by `{other}`"))),
    };
    // Without a wish, the newest come first.
    let descending = list.desc.map_or(list.sort.is_none(), |text| text != "false");
    let query = FlowQuery {
        client_id: Some(client_id),
        search: list.search.filter(|text| !text.is_empty()),
        state,
        sort,
        descending,
        offset: list.offset,
        limit: list.limit.unwrap_or(100).min(1000),
    };
    let found = shared.storage.database.flows(query).await?;
    let mut views = Vec::with_capacity(found.items.len());
    for flow in &found.items {
        views.push(flows::view(&shared, flow).await?);
    }
    Ok(Json(json!({"total": found.total, "flows": views})))
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    principal: Principal,
    Path((client_id, flow_id)): Path<(String, String)>,
) -> Result<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let flow = flows::get(&shared, &client_id, &flow_id).await?;
    Ok(Json(flows::view_in_full(&shared, &flow).await?))
}

pub(super) async fn cancel(
    State(shared): State<Arc<Shared>>,
    principal: Principal,
    Path((client_id, flow_id)): Path<(String, String)>,
) -> Result<Json<Value>> {
    let flow = flows::cancel(&shared, &principal, &client_id, &flow_id).await?;
    Ok(Json(flows::view(&shared, &flow).await?))
}

pub(super) async fn delete(
    State(shared): State<Arc<Shared>>,
    principal: Principal,
    Path((client_id, flow_id)): Path<(String, String)>,
) -> Result<StatusCode> {
    flows::delete(&shared, &principal, &client_id, &flow_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
