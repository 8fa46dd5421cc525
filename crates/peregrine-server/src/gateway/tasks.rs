//! Messages to agents: queued tasks, questions about silent flows, new monitoring tables.

use crate::Result;
use crate::shared::Shared;
use http::StatusCode;
use peregrine_proto::{FlowStatsRequest, VeloMessage};
use peregrine_services::changes::topics;
use peregrine_services::{clients, clock, flows, monitoring, servers};
use peregrine_store::{Claim, Client, ClientId, Micros, Poll, Polled, Received, Task};
use peregrine_wire::{PublicKey, ids, pack};
use std::sync::Arc;

/// What there is for a client.
pub(super) enum Collected {
    Messages(Vec<VeloMessage>),
    /// The client waits at another server, or another program with its identity has the place.
    Elsewhere,
    /// There is no such client any more: its agent must enrol.
    Deleted,
}

/// Takes everything there is for a client, on the strength of `claim`. Queued tasks count as handed over afterwards.
pub(super) async fn collect(
    shared: &Shared,
    client_id: &ClientId,
    claim: Claim,
    reported_table: Option<u64>,
) -> Result<Collected> {
    let database = &shared.core.storage.database;
    let now = clock::now();
    let poll = Poll {
        server_id: servers::this_server(&shared.core).to_owned(),
        claim,
        now,
        max_in_flight: max_in_flight(shared),
        silent_since: silent_since(shared, now),
    };
    let work = match database.take_work(client_id, poll.clone()).await? {
        Polled::Work(work) => *work,
        Polled::Unknown => {
            shared.gateway.decoder.forget(client_id.as_str());
            return Ok(Collected::Deleted);
        }
        Polled::Superseded | Polled::Occupied => return Ok(Collected::Elsewhere),
    };
    let mut messages = unpack(shared, client_id, work.tasks);
    if !work.silent.is_empty() {
        messages.push(VeloMessage {
            session_id: ids::STATUS.into(),
            flow_stats_request: Some(FlowStatsRequest {
                flow_id: work.silent.into_iter().map(String::from).collect(),
            }),
            ..Default::default()
        });
    }
    match server_initiated(shared, &work.client, poll, reported_table).await {
        Ok(more) => messages.extend(more),
        // Tasks already taken out of the queue must be delivered; the rest follows with the next poll.
        Err(error) if !messages.is_empty() => tracing::warn!(%client_id, %error, "work is late"),
        Err(error) => return Err(error),
    }
    Ok(Collected::Messages(messages))
}

/// What a client gets without a user's request: a new monitoring table, its first interrogation.
async fn server_initiated(
    shared: &Shared,
    client: &Client,
    poll: Poll,
    reported_table: Option<u64>,
) -> Result<Vec<VeloMessage>> {
    let table = monitoring::update_for(&shared.core, client, reported_table).await?;
    let mut messages: Vec<VeloMessage> = table.into_iter().collect();
    if clients::ensure_interrogated(&shared.core, client).await? {
        let work = shared.core.storage.database.take_work(&client.client_id, poll);
        if let Polled::Work(work) = work.await? {
            messages.extend(unpack(shared, &client.client_id, work.tasks));
        }
    }
    Ok(messages)
}

fn unpack(shared: &Shared, client_id: &ClientId, tasks: Vec<Task>) -> Vec<VeloMessage> {
    let mut messages = Vec::with_capacity(tasks.len());
    for task in tasks {
        match flows::unpack_task(&shared.core, &task.message) {
            Ok(message) => messages.push(message),
            Err(error) => tracing::error!(%client_id, %error, "a task is lost"),
        }
    }
    messages
}

/// Agents are asked about flows that are silent since this time; `None` when that is switched off.
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
    client_id: &ClientId,
    key: &PublicKey,
    messages: Vec<VeloMessage>,
) -> Result<Vec<u8>, StatusCode> {
    let content = pack::plain(pack::batch(messages), &shared.config.client.nonce);
    let sealed = shared
        .gateway
        .encoder
        .session(client_id.as_str(), key)
        .and_then(|session| session.seal(&content));
    sealed.map_err(|error| {
        tracing::error!(%client_id, %error, "cannot encrypt to a client");
        StatusCode::INTERNAL_SERVER_ERROR
    })
}

/// Pause before reading the monitoring table again after that failed.
const RELOAD_PAUSE: std::time::Duration = std::time::Duration::from_secs(5);
/// How often the table is read again without an event, because a server that dies after storing one announces nothing.
const RELOAD_PERIOD: std::time::Duration = std::time::Duration::from_secs(60);

/// Wakes waiting agents on events of the bus, until the server stops.
pub(crate) async fn deliver_wake_ups(shared: Arc<Shared>) -> Result<()> {
    let mut events = shared
        .core
        .storage
        .bus
        .subscribe(&[topics::TASKS, topics::MONITORING, topics::ENROLLED])
        .await?;
    // The database may be unreachable just when events are lost, so a failed reload is repeated until it succeeds.
    let mut is_stale = false;
    loop {
        let received = tokio::select! {
            received = events.next() => received,
            () = tokio::time::sleep(if is_stale { RELOAD_PAUSE } else { RELOAD_PERIOD }) => {
                is_stale = reload(&shared).await;
                continue;
            }
            () = shared.stopping.cancelled() => return Ok(()),
        };
        let wakes_all = match received {
            None => return Ok(()),
            Some(Received::Event(event)) if event.topic == topics::TASKS => {
                shared.gateway.connections.wake(&event.payload);
                continue;
            }
            Some(Received::Event(event)) if event.topic == topics::ENROLLED => {
                shared.gateway.unknown.lock().remove(&*event.payload);
                continue;
            }
            Some(Received::Event(_)) => shared.config.defaults.event_change_notify_all_clients,
            Some(Received::Lagged) => {
                shared.gateway.unknown.lock().clear();
                true
            }
        };
        is_stale = reload(&shared).await;
        if wakes_all {
            shared.gateway.connections.wake_all();
        }
    }
}

/// Reads the monitoring table again; true when that failed and must be repeated soon.
async fn reload(shared: &Shared) -> bool {
    let reloaded = monitoring::reload(&shared.core).await;
    if let Err(error) = &reloaded {
        tracing::warn!(%error, "the monitoring table was not read again yet");
    }
    reloaded.is_err()
}
