//! Tells of collections that have ended, in the queue `System.Flow.Completion`.

use std::sync::Arc;
use std::time::Duration;

use peregrine_engine::prelude::*;
use peregrine_services::{Error, Result, clock, events};
use peregrine_store::{ClientId, FlowId};
use serde_json::{Map, Value as Json, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Queries;
use crate::specs::to_serde;
use crate::{Stored, flow_records};

/// Collections told of at a time, and how many of these are stored at the same time.
const BATCH: usize = 256;
const TOGETHER: usize = 32;
/// How often to look for ends that nobody told, and how long ago they must have been.
const LOOK: Duration = Duration::from_secs(30);

/// Tells of each collection that ends, until `stopping`.
pub async fn tell_completions(queries: Arc<Queries>, stopping: CancellationToken) {
    loop {
        let ended = tokio::select! {
            ended = queries.core.ended.take(BATCH) => Ok(ended),
            () = tokio::time::sleep(LOOK) => left_behind(&queries).await,
            () = stopping.cancelled() => return,
        };
        let told = match ended {
            Ok(ended) => tell(&queries, ended).await,
            Err(error) => Err(error),
        };
        if let Err(error) = told {
            tracing::warn!(%error, "ends of collections are told later");
        }
    }
}

/// Ends that a server did not live to tell.
async fn left_behind(queries: &Queries) -> Result<Vec<(ClientId, FlowId)>> {
    let age = i64::try_from(LOOK.as_micros()).unwrap_or(i64::MAX);
    let before = clock::now().saturating_sub(age);
    events::untold(&queries.core, before, BATCH as u64).await
}

async fn tell(queries: &Arc<Queries>, ended: Vec<(ClientId, FlowId)>) -> Result<()> {
    if ended.is_empty() {
        return Ok(());
    }
    let worker = Arc::clone(queries);
    let rows = tokio::task::spawn_blocking(move || describe(&worker, &ended));
    let rows = rows.await.map_err(|error| Error::Internal(error.to_string()))??;
    let mut waiting = rows.into_iter();
    let mut storing = JoinSet::new();
    loop {
        while storing.len() < TOGETHER
            && let Some((client_id, flow_id, row)) = waiting.next()
        {
            let core = Arc::clone(&queries.core);
            storing.spawn(async move { events::complete(&core, &client_id, &flow_id, row).await });
        }
        match storing.join_next().await {
            None => return Ok(()),
            Some(Ok(stored)) => stored?,
            Some(Err(error)) => return Err(Error::Internal(error.to_string())),
        }
    }
}

type Told = (ClientId, FlowId, Map<String, Json>);

/// The rows that tell of these collections, as far as they still exist.
fn describe(queries: &Arc<Queries>, ended: &[(ClientId, FlowId)]) -> Result<Vec<Told>> {
    let database = &queries.core.storage.database;
    let found = queries.runtime.block_on(database.these_flows(ended))?;
    let scope = queries.silent_scope();
    let stored = Stored::new(Arc::clone(database), queries.runtime.clone());
    let records = flow_records::flows(&scope, &stored, &found, false)
        .map_err(|error| Error::Internal(error.to_string()))?;
    let told = found.into_iter().zip(records).map(|(flow, record)| {
        let record = to_serde(&scope, &Value::Dict(record));
        let record: Json = record.map_err(|error| Error::Internal(error.to_string()))?;
        let (client_id, flow_id) = (flow.client_id, flow.flow_id);
        let row = json!({
            "Timestamp": clock::now() / 1_000_000,
            "Flow": record,
            "FlowId": flow_id,
            "ClientId": client_id,
        });
        let Json::Object(row) = row else {
            return Err(Error::Internal("a row is an object".to_owned()));
        };
        Ok((client_id, flow_id, row))
    });
    told.collect()
}
