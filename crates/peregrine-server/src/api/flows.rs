//! Collections.

use super::extract::{Body, Params, Path, SignedIn};
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use peregrine_api::flows::{CollectRequest, Flow, FlowDetail, FlowPage, FlowStarted, FlowsQuery};
use peregrine_services::users::Permission;
use peregrine_services::{Error, clients, flows};
use peregrine_store::{ClientId, FlowId, FlowQuery, FlowSort, FlowState};
use std::sync::Arc;

pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(client_id): Path<ClientId>,
    Body(request): Body<CollectRequest>,
) -> Answer<(StatusCode, Json<FlowStarted>)> {
    let flow_id = shared
        .queries
        .create_flow(&principal, &client_id, &request)
        .await?;
    Ok((
        StatusCode::CREATED,
        Json(FlowStarted {
            flow_id: flow_id.into(),
        }),
    ))
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(client_id): Path<ClientId>,
    Params(list): Params<FlowsQuery>,
) -> Answer<Json<FlowPage>> {
    principal.authorize(Permission::ReadResults)?;
    clients::check(&shared.core, &client_id).await?;
    let state = match list.state.as_deref() {
        None | Some("") => None,
        Some("finished") => Some(FlowState::Finished),
        Some("error") => Some(FlowState::Error),
        Some("cancelled") => Some(FlowState::Cancelled),
        // The four are told apart only when a flow is viewed; the store knows them all as running.
        Some("running" | "waiting" | "in_progress" | "unresponsive") => Some(FlowState::Running),
        Some(other) => return Err(Error::BadRequest(format!("unknown state `{other}`")).into()),
    };
    let sort = match list.sort.as_deref() {
        None | Some("" | "created") => FlowSort::Created,
        Some("last_active") => FlowSort::LastActive,
        Some("rows") => FlowSort::Rows,
        Some("artifacts") => FlowSort::Artifacts,
        Some("state") => FlowSort::State,
        Some("creator") => FlowSort::Creator,
        Some(other) => return Err(Error::BadRequest(format!("cannot sort flows by `{other}`")).into()),
    };
    // With neither `sort` nor `desc`, the newest come first.
    let descending = list.desc.map_or(list.sort.is_none(), |text| text != "false");
    let query = FlowQuery {
        client_id: Some(client_id),
        search: list.search.filter(|text| !text.is_empty()),
        state,
        sort,
        descending,
        offset: list.offset.unwrap_or(0),
        limit: list.limit.unwrap_or(100).min(1000),
    };
    Ok(Json(flows::list(&shared.core, &principal, query).await?))
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path((client_id, flow_id)): Path<(ClientId, FlowId)>,
) -> Answer<Json<FlowDetail>> {
    principal.authorize(Permission::ReadResults)?;
    let flow = flows::get(&shared.core, &client_id, &flow_id).await?;
    Ok(Json(flows::view_in_full(&shared.core, &flow).await?))
}

pub(super) async fn cancel(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path((client_id, flow_id)): Path<(ClientId, FlowId)>,
) -> Answer<Json<Flow>> {
    let flow = flows::cancel(&shared.core, &principal, &client_id, &flow_id).await?;
    Ok(Json(flows::view(&shared.core, &flow).await?))
}

pub(super) async fn delete(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path((client_id, flow_id)): Path<(ClientId, FlowId)>,
) -> Answer<StatusCode> {
    flows::delete(&shared.core, &principal, &client_id, &flow_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
