//! The server's own state and its audit log.

use super::extract::{Params, SignedIn};
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::extract::State;
use peregrine_services::table::{AuditSource, TablePage, TableParams, page};
use peregrine_services::users::Permission;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn status(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
) -> Answer<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let counts = shared.core.storage.database.counts().await?;
    Ok(Json(json!({
        "connected_agents": shared.gateway.connections.count(),
        "clients": counts.clients,
        "flows_running": counts.flows_running,
        "rows_stored": counts.rows,
        "refused": shared.gateway.refused.totals(),
        "datastore": {
            "path": shared.core.storage.place.display().to_string(),
            "free_bytes": shared.core.storage.objects.free_bytes().await,
            "trouble": shared.trouble.lock().clone().or_else(|| shared.core.storage.warning.clone()),
        },
    })))
}

pub(super) async fn audit(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Params(table): Params<TableParams>,
) -> Answer<Json<TablePage>> {
    principal.authorize(Permission::ServerAdmin)?;
    let query = table.check()?;
    let source = AuditSource::open(shared.core.storage.database.clone()).await?;
    Ok(Json(page(&shared.core, &source, &query, &[], false).await?))
}
