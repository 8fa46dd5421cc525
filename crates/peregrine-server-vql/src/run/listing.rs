//! The list of running queries, across all servers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use peregrine_api::queries as api;
use peregrine_services::changes::topics;
use peregrine_services::users::{Permission, Principal};
use peregrine_services::{Error, Result, audit, clock, flows};
use peregrine_store::{ClientId, FlowId, QueryRecord, Received};
use tokio_util::sync::CancellationToken;

use super::Queries;
use super::query::Running;

/// How long a query must run before other servers list it: most end sooner and cost no write.
const UNLISTED: Duration = Duration::from_secs(1);

impl Queries {
    /// The queries that run on all servers: one's own, and those of others for who administers the server.
    pub async fn list(&self, principal: &Principal) -> Result<Vec<api::RunningQuery>> {
        principal.authorize(Permission::AnyQuery)?;
        let listed = self.core.storage.database.listed_queries().await?;
        let mut found: Vec<api::RunningQuery> = {
            let own = self.running.lock();
            let elsewhere = listed.iter().filter(|query| !own.contains_key(&query.query_id));
            let elsewhere = elsewhere.map(|query| shown(query, None));
            let here = own.values().map(|query| shown(&query.record, Some(query)));
            here.chain(elsewhere).collect()
        };
        found.retain(|query| may_see(principal, &query.principal));
        found.sort_by(|a, b| (&a.started, &a.query_id).cmp(&(&b.started, &b.query_id)));
        Ok(found)
    }

    /// Ends a query, on whichever server it runs.
    pub async fn cancel(&self, principal: &Principal, query_id: &str) -> Result<()> {
        principal.authorize(Permission::AnyQuery)?;
        let queries = self.list(principal).await?;
        if !queries.iter().any(|query| query.query_id == query_id) {
            return Err(Error::NotFound("running query", query_id.to_owned()));
        }
        if let Ok(flow_id) = query_id.parse::<FlowId>() {
            // A collection on the server, which is then shown as cancelled.
            return flows::cancel(&self.core, principal, &ClientId::server(), &flow_id)
                .await
                .map(drop);
        }
        let detail = serde_json::json!({"query_id": query_id});
        audit::record(&self.core, &principal.name, &principal.ip, "CancelQuery", detail).await?;
        let here = self.running.lock().get(query_id).cloned();
        match here {
            Some(query) => query.cancel(&format!("cancelled by {}", principal.name)),
            None => flows::announce_cancelled_query(&self.core, principal, query_id).await?,
        }
        Ok(())
    }
}

/// Ends queries of this server that were cancelled on another one, until `stopping`.
pub async fn obey(queries: Arc<Queries>, stopping: CancellationToken) -> Result<()> {
    let bus = &queries.core.storage.bus;
    let mut events = bus.subscribe(&[topics::CANCELLED_QUERY]).await?;
    loop {
        let received = tokio::select! {
            received = events.next() => received,
            () = stopping.cancelled() => return Ok(()),
        };
        let event = match received {
            None => return Ok(()),
            // Whoever cancelled sees that the query still runs, and repeats it.
            Some(Received::Lagged) => continue,
            Some(Received::Event(event)) => event,
        };
        let (query_id, who) = event.payload.split_once(' ').unwrap_or((&event.payload, ""));
        let query = queries.running.lock().get(query_id).cloned();
        if let Some(query) = query {
            query.cancel(&format!("cancelled by {who}"));
        }
    }
}

/// Lists a query for the other servers, if it runs for a while.
pub(super) async fn list(queries: Arc<Queries>, query: Arc<Running>) {
    let wait = tokio::time::timeout(UNLISTED, query.over.cancelled());
    let database = &queries.core.storage.database;
    if wait.await.is_ok() || !database.is_shared() {
        return;
    }
    if let Err(error) = database.list_query(query.record.clone()).await {
        tracing::warn!(%error, "other servers do not list a query that runs here");
    }
    unlist(Arc::clone(&queries), query).await;
}

/// Takes a query off the list of the other servers when it has ended.
pub(super) async fn unlist(queries: Arc<Queries>, query: Arc<Running>) {
    query.over.cancelled().await;
    let database = &queries.core.storage.database;
    if let Err(error) = database.unlist_query(&query.record.query_id).await {
        tracing::warn!(%error, "other servers list a query that has ended, until this server stops");
    }
}

fn may_see(principal: &Principal, owner: &str) -> bool {
    principal.name == owner || principal.permissions.contains(&Permission::ServerAdmin)
}

fn shown(record: &QueryRecord, running: Option<&Arc<Running>>) -> api::RunningQuery {
    api::RunningQuery {
        query_id: record.query_id.clone(),
        principal: record.principal.clone(),
        vql: record.text.clone(),
        started: clock::show(record.started),
        server_id: record.server_id.clone(),
        rows: running.map(|query| query.rows.load(Ordering::Relaxed)),
        memory: running.map(|query| query.memory()),
    }
}
