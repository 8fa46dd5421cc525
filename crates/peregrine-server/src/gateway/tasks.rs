//! What an agent is told: queued tasks, questions about silent flows, a new monitoring table.

use crate::Result;
use crate::shared::Shared;
use http::StatusCode;
use peregrine_proto::{FlowStatsRequest, VeloMessage};
use peregrine_services::changes::topics;
use peregrine_services::{clients, clock, flows, monitoring};
use peregrine_store::{Client, Micros, Poll, Received, Task};
use peregrine_wire::{PublicKey, ids, pack};
use std::sync::Arc;

/// Everything there is for a client now. Queued tasks are gone from the queue afterwards.
pub(super) async fn collect(
    shared: &Shared,
    client_id: &str,
    reported_table: Option<u64>,
) -> Result<Vec<VeloMessage>> {
    let database = &shared.core.storage.database;
    let now = clock::now();
    let poll = Poll {
        now,
        max_in_flight: max_in_flight(shared),
        silent_since: silent_since(shared, now),
    };
    let Some(work) = database.take_work(client_id, poll).await? else {
        return Ok(Vec::new());
    };
    let mut messages = unpack(shared, client_id, work.tasks);
    if !work.silent.is_empty() {
        messages.push(VeloMessage {
            session_id: ids::STATUS.into(),
            flow_stats_request: Some(FlowStatsRequest { flow_id: work.silent }),
            ..Default::default()
        });
    }
    match due(shared, &work.client, poll, reported_table).await {
        Ok(due) => messages.extend(due),
        // What was taken out of the queue is delivered all the same; the rest comes with the next poll.
        Err(error) if !messages.is_empty() => tracing::warn!(client_id, %error, "work is late"),
        Err(error) => return Err(error),
    }
    Ok(messages)
}

/// What a client gets without anybody asking: a new monitoring table, its first interrogation.
async fn due(
    shared: &Shared,
    client: &Client,
    poll: Poll,
    reported_table: Option<u64>,
) -> Result<Vec<VeloMessage>> {
    let table = monitoring::update_for(&shared.core, client, reported_table).await?;
    let mut messages: Vec<VeloMessage> = table.into_iter().collect();
    if clients::ensure_interrogated(&shared.core, client).await? {
        let work = shared.core.storage.database.take_work(&client.client_id, poll);
        let tasks = work.await?.map(|work| work.tasks);
        messages.extend(unpack(shared, &client.client_id, tasks.unwrap_or_default()));
    }
    Ok(messages)
}

fn unpack(shared: &Shared, client_id: &str, tasks: Vec<Task>) -> Vec<VeloMessage> {
    let mut messages = Vec::with_capacity(tasks.len());
    for task in tasks {
        match flows::unpack_task(&shared.core, &task.message) {
            Ok(message) => messages.push(message),
            Err(error) => tracing::error!(client_id, %error, "a task is lost"),
        }
    }
    messages
}

/// Flows not heard of since then are asked about; none where that is off.
fn silent_since(shared: &Shared, now: Micros) -> Option<Micros> {
    let defaults = &shared.config.defaults;
    let silence = i64::try_from(defaults.inflight_check_time)
        .unwrap_or(60)
        .saturating_mul(1_000_000);
    (!defaults.disable_active_inflight_checks).then(|| now.saturating_sub(silence))
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

/// After how long the monitoring table is read again that could not be read.
const RELOAD_PAUSE: std::time::Duration = std::time::Duration::from_secs(5);

/// Wakes waiting agents as the bus says, until the server stops.
pub(crate) async fn deliver_wake_ups(shared: Arc<Shared>) -> Result<()> {
    let mut events = shared
        .core
        .storage
        .bus
        .subscribe(&[topics::TASKS, topics::MONITORING])
        .await?;
    // The database may be out of reach just when messages are lost: then the table is read again until it was.
    let mut is_stale = false;
    loop {
        let received = tokio::select! {
            received = events.next() => received,
            () = tokio::time::sleep(RELOAD_PAUSE), if is_stale => Some(Received::Lagged),
            () = shared.stopping.cancelled() => return Ok(()),
        };
        let wakes_all = match received {
            None => return Ok(()),
            Some(Received::Event(event)) if event.topic == topics::TASKS => {
                shared.gateway.connections.wake(&event.payload);
                continue;
            }
            Some(Received::Event(_)) => shared.config.defaults.event_change_notify_all_clients,
            Some(Received::Lagged) => true,
        };
        is_stale = match monitoring::reload(&shared.core).await {
            Ok(_) => false,
            Err(error) => {
                tracing::warn!(%error, "the monitoring table was not read again yet");
                true
            }
        };
        if wakes_all {
            shared.gateway.connections.wake_all();
        }
    }
}
