//! The client monitoring table.

use super::extract::Body;
use crate::Result;
use crate::monitoring::{self, MonitoringTable};
use crate::shared::Shared;
use crate::users::{Permission, Principal};
use axum::Json;
use axum::extract::State;
use std::sync::Arc;

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    principal: Principal,
) -> Result<Json<MonitoringTable>> {
    principal.authorize(Permission::ReadResults)?;
    Ok(Json(monitoring::get(&shared)?))
}

pub(super) async fn set(
    State(shared): State<Arc<Shared>>,
    principal: Principal,
    Body(table): Body<MonitoringTable>,
) -> Result<Json<MonitoringTable>> {
    Ok(Json(monitoring::set(&shared, &principal, table).await?))
}
