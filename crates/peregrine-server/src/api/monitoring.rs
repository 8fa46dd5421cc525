//! The tables of monitoring.

use super::extract::{Body, SignedIn};
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::extract::State;
use peregrine_api::monitoring::{MonitoringTable, ServerMonitoring};
use peregrine_services::monitoring;
use peregrine_services::users::Permission;
use std::sync::Arc;

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
) -> Answer<Json<MonitoringTable>> {
    principal.authorize(Permission::ReadResults)?;
    Ok(Json(monitoring::get(&shared.core)?))
}

pub(super) async fn set(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Body(table): Body<MonitoringTable>,
) -> Answer<Json<MonitoringTable>> {
    Ok(Json(monitoring::set(&shared.core, &principal, &table).await?))
}

pub(super) async fn show_server(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
) -> Answer<Json<ServerMonitoring>> {
    principal.authorize(Permission::ReadResults)?;
    Ok(Json(monitoring::server::get(&shared.core).await?))
}

pub(super) async fn set_server(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Body(table): Body<ServerMonitoring>,
) -> Answer<Json<ServerMonitoring>> {
    let core = &shared.core;
    Ok(Json(monitoring::server::set(core, &principal, &table).await?))
}
