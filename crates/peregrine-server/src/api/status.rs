//! The server's own state and its audit log.

use super::extract::{Params, SignedIn};
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::extract::State;
use peregrine_api::status::{Datastore, ServerEntry, ServerStatus};
use peregrine_api::table::{TablePage, TableParams};
use peregrine_services::table::{AuditSource, TableQuery, page};
use peregrine_services::users::Permission;
use peregrine_services::{clock, servers};
use std::sync::Arc;

pub(super) async fn status(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
) -> Answer<Json<ServerStatus>> {
    principal.authorize(Permission::ReadResults)?;
    let counts = shared.core.storage.database.counts().await?;
    let storage = &shared.core.storage;
    let free_bytes = storage.objects.free_bytes().await;
    let servers = servers::list(&shared.core).await?;
    let this_server = servers::this_server(&shared.core);
    let trouble = shared.trouble.lock().clone();
    Ok(Json(ServerStatus {
        connected_agents: counts.online,
        clients: counts.clients,
        flows_running: counts.flows_running,
        rows_stored: counts.rows,
        servers: servers
            .into_iter()
            .map(|(server, clients)| ServerEntry {
                is_this: server.server_id == this_server,
                host: server.host,
                started: clock::show(server.started),
                connected_agents: clients,
            })
            .collect(),
        refused: shared.gateway.refused.totals(),
        datastore: Datastore {
            path: storage.place.display().to_string(),
            free_bytes,
            trouble: trouble.or_else(|| storage.warning.clone()),
        },
    }))
}

pub(super) async fn audit(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Params(table): Params<TableParams>,
) -> Answer<Json<TablePage>> {
    principal.authorize(Permission::ServerAdmin)?;
    let query = TableQuery::check(table)?;
    let source = AuditSource::open(shared.core.storage.database.clone()).await?;
    Ok(Json(page(&shared.core, &source, &query, &[], false).await?))
}
