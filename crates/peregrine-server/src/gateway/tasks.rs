//! What an agent is told: queued tasks, questions about silent flows, a new monitoring table.

use crate::Result;
use crate::shared::Shared;
use http::StatusCode;
use peregrine_proto::{FlowStatsRequest, VeloMessage};
use peregrine_services::changes::topics;
use peregrine_services::{clients, clock, flows, monitoring};
use peregrine_store::Received;
use peregrine_wire::{PublicKey, ids, pack};
use std::sync::Arc;

/// Everything there is for a client now. Queued tasks are gone from the queue afterwards.
pub(super) async fn collect(
    shared: &Shared,
    client_id: &str,
    reported_table: Option<u64>,
) -> Result<Vec<VeloMessage>> {
    let database = &shared.core.storage.database;
    let Some(client) = database.client(client_id).await? else {
        return Ok(Vec::new());
    };
    clients::ensure_interrogated(&shared.core, &client).await?;
    let now = clock::now();
    let mut messages = Vec::new();
    if database.has_tasks(client_id).await? {
        for task in database.take_tasks(client_id, max_in_flight(shared), now).await? {
            match flows::unpack_task(&shared.core, &task.message) {
                Ok(message) => messages.push(message),
                Err(error) => tracing::error!(client_id, %error, "a task is lost"),
            }
        }
    }
    messages.extend(monitoring::update_for(&shared.core, &client, reported_table).await?);
    if !shared.config.defaults.disable_active_inflight_checks {
        let silence = i64::try_from(shared.config.defaults.inflight_check_time).unwrap_or(60) * 1_000_000;
        let flow_id = database
            .in_flight_to_check(client_id, now.saturating_sub(silence), now)
            .await?;
        if !flow_id.is_empty() {
            messages.push(VeloMessage {
                session_id: ids::STATUS.into(),
                flow_stats_request: Some(FlowStatsRequest { flow_id }),
                ..Default::default()
            });
        }
    }
    Ok(messages)
}

fn max_in_flight(shared: &Shared) -> u64 {
    if shared.config.defaults.disable_active_inflight_checks {
        return u64::MAX;
    }
    match shared.config.client.concurrency {
        0 => 6,
        concurrency => concurrency.saturating_add(2),
    }
}

/// Encrypts messages to a client.
pub(super) fn seal(
    shared: &Shared,
    client_id: &str,
    key: &PublicKey,
    messages: Vec<VeloMessage>,
) -> Result<Vec<u8>, StatusCode> {
    let content = pack::plain(pack::batch(messages), &shared.config.client.nonce);
    let sealed = shared
        .gateway
        .encoder
        .session(client_id, key)
        .and_then(|session| session.seal(&content));
    sealed.map_err(|error| {
        tracing::error!(client_id, %error, "cannot encrypt to a client");
        StatusCode::INTERNAL_SERVER_ERROR
    })
}

/// Wakes waiting agents as the bus says, until the server stops.
pub(crate) async fn deliver_wake_ups(shared: Arc<Shared>) -> Result<()> {
    let mut events = shared
        .core
        .storage
        .bus
        .subscribe(&[topics::TASKS, topics::MONITORING])
        .await?;
    loop {
        let received = tokio::select! {
            received = events.next() => received,
            () = shared.stopping.cancelled() => return Ok(()),
        };
        match received {
            None => return Ok(()),
            Some(Received::Event(event)) if event.topic == topics::TASKS => {
                shared.gateway.connections.wake(&event.payload);
            }
            Some(Received::Event(_)) => {
                monitoring::reload(&shared.core).await?;
                if shared.config.defaults.event_change_notify_all_clients {
                    shared.gateway.connections.wake_all();
                }
            }
            Some(Received::Lagged) => {
                monitoring::reload(&shared.core).await?;
                shared.gateway.connections.wake_all();
            }
        }
    }
}
