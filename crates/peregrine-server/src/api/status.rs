//! The server's own state and its audit log.

use super::extract::Params;
use crate::Result;
use crate::shared::Shared;
use crate::table::{AuditSource, TablePage, TableParams, page};
use crate::users::{Permission, Principal};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn status(State(shared): State<Arc<Shared>>, principal: Principal) -> Result<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let counts = shared.storage.database.counts().await?;
    Ok(Json(json!({
        "connected_agents": shared.gateway.connections.count(),
        "clients": counts.clients,
        "flows_running": counts.flows_running,
        "rows_stored": counts.rows,
        "refused": shared.gateway.refused.totals(),
        "datastore": {
            "path": shared.storage.place.display().to_string(),
            "free_bytes": shared.storage.objects.free_bytes().await,
            "trouble": shared.trouble.lock().clone().or_else(|| shared.storage.warning.clone()),
        },
    })))
}

pub(super) async fn audit(
    State(shared): State<Arc<Shared>>,
    principal: Principal,
    Params(table): Params<TableParams>,
) -> Result<Json<TablePage>> {
    principal.authorize(Permission::ServerAdmin)?;
    let query = table.check()?;
    let source = AuditSource::open(shared.storage.database.clone()).await?;
    Ok(Json(page(&shared.views, &source, &query, &[], false).await?))
}
