//! Makes the content of a known agent's packet durable, in one database transaction, or a few for a large packet. Files
//! go to the object store first; a packet that is sent again changes nothing.

use super::accounts::{Accounts, HEAVY_WAIT, Stop, Work, patience};
use super::convert::{Converter, Item, KnownData};
use super::intake::{Allowance, LARGE_BODY};
use super::refused::Reason;
use super::turns::Turnstile;
use super::uploads;
use crate::Error;
use crate::shared::Shared;
use http::StatusCode;
use peregrine_services::{clock, flows};
use peregrine_store::{ClientId, Effect, FlowId, FlowQuery};
use peregrine_wire::Packet;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// What a packet reports besides data.
#[derive(Debug, Default)]
pub(super) struct PacketReport {
    /// Version of the monitoring table the agent has.
    pub(super) reported_table: Option<u64>,
}

/// Messages decoded ahead of storing.
const AHEAD: usize = 8;
/// Effects and bytes of rows stored in one transaction; bounds the memory of a packet.
const MAX_EFFECTS: usize = 4096;
const MAX_BYTES: usize = 16 << 20;
/// Bytes inflated before a packet must wait for a heavy turn.
const MAX_INFLATED: usize = 4 << 20;
/// Lookups of flows that do not exist after which all existing ids are fetched at once; also the most sources cached.
const MAX_STRAYS: usize = 100;
/// Flows fetched per query.
const FLOW_PAGE: usize = 1000;

/// How much of a packet's content was read.
enum Reading {
    Whole,
    /// Part of it can never be read.
    Damaged,
    /// Not all of it was read; the agent may send it again.
    Busy,
}

/// Processes a packet once the agent has a turn, from `slots` or, for a large packet, from the large ones. `room` is the
/// memory reserved for its body. An error is the status to answer: 400 makes the agent drop the packet, 503 resend it.
pub(super) async fn packet(
    shared: &Arc<Shared>,
    slots: &Arc<Turnstile>,
    client_id: &ClientId,
    packet: Packet,
    room: Option<Allowance>,
    peer: &str,
) -> Result<PacketReport, StatusCode> {
    let resources = &shared.config.frontend.resources;
    let wait = Duration::from_secs(resources.concurrency_timeout);
    // Large packets wait for their turn before they are unpacked; those that turn out to be heavy wait half unpacked.
    let is_large = packet.size() > LARGE_BODY;
    let queue = if is_large { &shared.gateway.large } else { slots };
    let turn = match tokio::time::timeout(wait, queue.enter(client_id.as_str())).await {
        Ok(Some(turn)) => turn,
        Ok(None) => {
            shared.gateway.refused.count(peer, Reason::TooMany);
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        Err(_) => return Err(StatusCode::REQUEST_TIMEOUT),
    };
    let time = Duration::from_secs(resources.packet_timeout.max(1)) * patience(packet.size());
    let work = Work {
        slot: Some(turn),
        turn: None,
        _room: room,
        until: Instant::now() + time,
        heavy: shared.gateway.heavy.clone(),
        surprises: shared.gateway.surprises.clone(),
    };
    let (worker, client_id, peer) = (shared.clone(), client_id.clone(), peer.to_owned());
    // Detached, so that processing finishes even if the agent hangs up, and a repeat finds it done.
    let finished = tokio::spawn(async move {
        tokio::time::timeout(
            time + HEAVY_WAIT,
            take_in(&worker, &client_id, packet, work, &peer),
        )
        .await
    });
    match finished.await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) | Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn take_in(
    shared: &Arc<Shared>,
    client_id: &ClientId,
    packet: Packet,
    work: Work,
    peer: &str,
) -> Result<PacketReport, StatusCode> {
    shared.gateway.connections.touch(client_id, peer);
    let (sender, mut items) = mpsc::channel(AHEAD);
    let (worker, from, address) = (shared.clone(), client_id.clone(), peer.to_owned());
    // Inflating, checking and compressing rows is CPU work.
    let decoding = tokio::task::spawn_blocking(move || {
        let mut accounts = Accounts::new(packet.size(), &from, work);
        decode(&worker, &from, &address, &packet, &mut accounts, &sender)
    });

    let mut report = PacketReport::default();
    let (mut effects, mut bytes) = (Vec::new(), 0);
    while let Some(item) = items.recv().await {
        match item {
            Item::Effect(effect) => {
                bytes += weight(&effect);
                effects.push(*effect);
            }
            Item::TableVersion(version) => report.reported_table = Some(version),
            Item::Buffer {
                flow_id,
                buffer,
                data,
            } => match uploads::store(shared, client_id, flow_id, *buffer, data).await {
                Ok(found) => effects.extend(found),
                Err(error) => return Err(status(shared, client_id, &error)),
            },
        }
        if bytes >= MAX_BYTES || effects.len() >= MAX_EFFECTS {
            bytes = 0;
            store(shared, client_id, std::mem::take(&mut effects))
                .await
                .map_err(|error| status(shared, client_id, &error))?;
        }
    }
    let reading = decoding.await.unwrap_or(Reading::Damaged);
    store(shared, client_id, effects)
        .await
        .map_err(|error| status(shared, client_id, &error))?;
    match reading {
        Reading::Whole => Ok(report),
        Reading::Damaged => Err(StatusCode::BAD_REQUEST),
        Reading::Busy => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

fn weight(effect: &Effect) -> usize {
    match effect {
        Effect::Rows { chunk, .. }
        | Effect::Logs { chunk, .. }
        | Effect::Events { chunk, .. }
        | Effect::ServerEvents { chunk, .. } => chunk.data.len(),
        Effect::Progress { progress, .. } => progress.query_stats.as_ref().map_or(0, String::len),
        _ => 0,
    }
}

/// Unpacks the packet and sends its items.
fn decode(
    shared: &Shared,
    client_id: &ClientId,
    peer: &str,
    packet: &Packet,
    accounts: &mut Accounts,
    items: &mpsc::Sender<Item>,
) -> Reading {
    let mut known = CachedLookups::new(shared, client_id);
    let mut messages = packet.messages().paused_by(MAX_INFLATED);
    loop {
        let stopped = match messages.next() {
            None => return Reading::Whole,
            Some(Ok(message)) => {
                let mut converter = Converter {
                    names: shared.core.names.as_ref(),
                    client_id,
                    known: &mut known,
                    accounts: &mut *accounts,
                    send: &mut |item| items.blocking_send(item).map_err(|_| Stop::Gone),
                    now: clock::now(),
                };
                converter.message(message)
            }
            Some(Err(_)) if messages.is_paused() => {
                messages.go_on();
                accounts.enter_gate()
            }
            Some(Err(error)) => {
                tracing::debug!(%client_id, %error, "damaged packet content");
                shared.gateway.refused.count(peer, Reason::Damaged);
                return Reading::Damaged;
            }
        };
        match stopped {
            Ok(()) => {}
            // The receiver stopped on an error, and answers with that one.
            Err(Stop::Gone) => return Reading::Damaged,
            Err(Stop::Spent) => {
                tracing::debug!(%client_id, "a packet that unpacks to too much");
                shared.gateway.refused.count(peer, Reason::TooLarge);
                return Reading::Damaged;
            }
            Err(Stop::Busy) => {
                tracing::debug!(%client_id, "a packet that must come again");
                shared.gateway.refused.count(peer, Reason::TooMany);
                return Reading::Busy;
            }
        }
    }
}

/// Answers from the database and the repository, cached for the duration of one packet.
struct CachedLookups<'a> {
    shared: &'a Shared,
    client_id: &'a ClientId,
    flows: HashMap<FlowId, bool>,
    strays: usize,
    /// Every flow id of the client; fetched after [`MAX_STRAYS`] lookups of ones that do not exist.
    all_flows: Option<HashSet<FlowId>>,
    sources: HashMap<String, bool>,
    stored: Option<Vec<String>>,
}

impl<'a> CachedLookups<'a> {
    fn new(shared: &'a Shared, client_id: &'a ClientId) -> CachedLookups<'a> {
        CachedLookups {
            shared,
            client_id,
            flows: HashMap::new(),
            strays: 0,
            all_flows: None,
            sources: HashMap::new(),
            stored: None,
        }
    }

    async fn every_flow(&self) -> Result<HashSet<FlowId>, peregrine_store::Error> {
        let mut ids = HashSet::new();
        for offset in (0..).step_by(FLOW_PAGE) {
            let query = FlowQuery {
                client_id: Some(self.client_id.clone()),
                offset,
                limit: FLOW_PAGE as u64,
                ..FlowQuery::default()
            };
            let page = self.shared.core.storage.database.flows(query).await?;
            let is_last = page.items.len() < FLOW_PAGE;
            ids.extend(page.items.into_iter().map(|flow| flow.flow_id));
            if is_last {
                break;
            }
        }
        Ok(ids)
    }
}

impl KnownData for CachedLookups<'_> {
    fn has_flow(&mut self, flow_id: &FlowId) -> bool {
        if let Some(found) = self.flows.get(flow_id) {
            return *found;
        }
        if self.strays >= MAX_STRAYS && self.all_flows.is_none() {
            self.all_flows = Handle::current().block_on(self.every_flow()).ok();
        }
        if let Some(all) = &self.all_flows {
            return all.contains(flow_id);
        }
        let database = &self.shared.core.storage.database;
        // When the lookup fails, assume that the flow exists; the transaction decides, and fails as a whole.
        let found = Handle::current()
            .block_on(database.has_flow(self.client_id, flow_id))
            .unwrap_or(true);
        if !found {
            self.strays += 1;
        }
        self.flows.insert(flow_id.clone(), found);
        found
    }

    fn has_events(&mut self, source: &str) -> bool {
        if let Some(found) = self.sources.get(source) {
            return *found;
        }
        let artifact = source.split('/').next().unwrap_or_default();
        let found = self.shared.core.artifacts.get(artifact).is_some() || {
            // The artifact may have been deleted here and still run on the agent.
            let stored = self.stored.get_or_insert_with(|| {
                let sets =
                    Handle::current().block_on(self.shared.core.storage.database.event_sets(self.client_id));
                sets.map(|sets| sets.into_iter().map(|set| set.name).collect())
                    .unwrap_or_default()
            });
            stored.iter().any(|name| name == source)
        };
        if self.sources.len() < MAX_STRAYS {
            self.sources.insert(source.to_owned(), found);
        }
        found
    }
}

async fn store(shared: &Shared, client_id: &ClientId, effects: Vec<Effect>) -> Result<(), Error> {
    if effects.is_empty() {
        return Ok(());
    }
    flows::store(&shared.core, client_id, effects).await?;
    *shared.trouble.lock() = None;
    Ok(())
}

/// The answer to a packet that was not stored: 503 for trouble that may pass, so that the agent resends it; 400, so that
/// it drops the packet, when storing can never succeed.
fn status(shared: &Shared, client_id: &ClientId, error: &Error) -> StatusCode {
    shared.gateway.health.failed();
    let before = shared.trouble.lock().replace(error.to_string());
    // Every agent resends what could not be stored, again and again: log a reason once, not thousands of times.
    if before.as_deref() == Some(&error.to_string()) {
        tracing::debug!(%client_id, %error, "packet not stored");
    } else {
        tracing::error!(%client_id, %error, "packet not stored");
    }
    match error {
        Error::Store(error) if error.is_temporary() => StatusCode::SERVICE_UNAVAILABLE,
        Error::Store(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}
