//! Tells of hunts that were created, in the queue `System.Hunt.Creation`.
//!
//! Here and not in the services that create them, because the row has a hunt in the form in which `hunts()` shows it. What a server
//! does not live to tell is not told.

use std::sync::Arc;

use peregrine_engine::prelude::*;
use peregrine_services::{Error, Result, clock, events};
use peregrine_store::{ClientId, HuntId};
use serde_json::{Value as Json, json};
use tokio_util::sync::CancellationToken;

use super::Queries;
use crate::hunt_records;
use crate::specs::to_serde;

const CREATION: &str = "System.Hunt.Creation";
/// Hunts told of at a time.
const BATCH: usize = 16;

/// Tells of each hunt that is created on this server, until `stopping`.
pub async fn tell_new_hunts(queries: Arc<Queries>, stopping: CancellationToken) {
    loop {
        let new = tokio::select! {
            new = queries.core.new_hunts.take(BATCH) => new,
            () = stopping.cancelled() => return,
        };
        for hunt_id in new {
            match describe(&queries, &hunt_id).await {
                Ok(Some(row)) => events::tell(&queries.core, CREATION, &ClientId::server(), row).await,
                Ok(None) => {}
                Err(error) => tracing::warn!(%hunt_id, %error, "a new hunt was not told"),
            }
        }
    }
}

/// The row that tells of a hunt, if it still exists.
async fn describe(queries: &Arc<Queries>, hunt_id: &HuntId) -> Result<Option<Json>> {
    let Some(hunt) = queries.core.storage.database.hunt(hunt_id).await? else {
        return Ok(None);
    };
    let worker = Arc::clone(queries);
    let record = tokio::task::spawn_blocking(move || {
        let record = Value::Dict(hunt_records::record(&hunt));
        to_serde(&worker.silent_scope(), &record).map_err(|error| Error::Internal(error.to_string()))
    });
    let record = record
        .await
        .map_err(|error| Error::Internal(error.to_string()))??;
    Ok(Some(
        json!({"Timestamp": clock::now() / 1_000_000, "Hunt": record}),
    ))
}
