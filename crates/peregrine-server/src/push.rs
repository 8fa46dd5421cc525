//! Tells browsers what changed. The bus carries which object changed; a server reads its new state only if a browser
//! there is connected.

use crate::Result;
use crate::shared::Shared;
use parking_lot::Mutex;
use peregrine_api::push::{Resync, RowsStored};
use peregrine_services::changes::{Change, topics};
use peregrine_services::{clients, clock, flows, hunts};
use peregrine_store::{ClientId, FlowId, HuntId, Micros, Received};
use peregrine_wire::ids::MONITORING;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::broadcast;

/// How many events a reconnecting browser can catch up on.
const MAX_KEPT_EVENTS: usize = 1024;

/// How long events are kept for a browser that may reconnect.
const RECONNECT_WINDOW: Micros = 60_000_000;

/// An event for browsers.
#[derive(Debug)]
pub(crate) struct Pushed {
    pub(crate) number: u64,
    pub(crate) news: News,
    /// The JSON to send.
    pub(crate) data: String,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    Client(ClientId),
    Flow(ClientId, FlowId),
    /// Rows of a collection, or event rows of a client.
    Rows(ClientId, Option<FlowId>),
    Hunt(HuntId),
    /// Nobody knows what.
    Resync,
}

impl News {
    /// The name of the event.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            News::Client(_) => "client",
            News::Flow(..) => "flow",
            News::Rows(..) => "rows",
            News::Hunt(_) => "hunt",
            News::Resync => "resync",
        }
    }
}

/// What a browser subscribes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Topic {
    Clients,
    Client(ClientId),
    /// Collections of all clients.
    AllFlows,
    Flows(ClientId),
    Flow(ClientId, FlowId),
    Events(ClientId),
    Hunts,
    Hunt(HuntId),
}

impl Topic {
    /// Reads `clients`, `client:C.x`, `flows`, `flows:C.x`, `flow:C.x/F.y`, `flow:C.x/F.Monitoring` for its events, `hunts` and
    /// `hunt:H.x`; others mean nothing.
    pub(crate) fn parse(text: &str) -> Option<Topic> {
        match text.split_once(':') {
            None if text == "clients" => Some(Topic::Clients),
            None if text == "flows" => Some(Topic::AllFlows),
            None if text == "hunts" => Some(Topic::Hunts),
            None => None,
            Some(("client", id)) => Some(Topic::Client(id.parse().ok()?)),
            Some(("hunt", id)) => Some(Topic::Hunt(id.parse().ok()?)),
            Some(("flows", id)) => Some(Topic::Flows(id.parse().ok()?)),
            Some(("flow", path)) => {
                let (client, session) = path.split_once('/')?;
                let client = client.parse().ok()?;
                match session {
                    MONITORING => Some(Topic::Events(client)),
                    flow => Some(Topic::Flow(client, flow.parse().ok()?)),
                }
            }
            Some(_) => None,
        }
    }

    pub(crate) fn covers(&self, news: &News) -> bool {
        match (self, news) {
            (Topic::Clients, News::Client(_))
            | (Topic::AllFlows, News::Flow(..))
            | (Topic::Hunts, News::Hunt(_)) => true,
            (Topic::Hunt(watched), News::Hunt(hunt)) => watched == hunt,
            (Topic::Client(watched), News::Client(client))
            | (Topic::Flows(watched), News::Flow(client, _))
            | (Topic::Events(watched), News::Rows(client, None)) => watched == client,
            (
                Topic::Flow(watched, watched_flow),
                News::Flow(client, flow) | News::Rows(client, Some(flow)),
            ) => watched == client && watched_flow == flow,
            _ => false,
        }
    }
}

/// Fans events out to the browsers connected to this server.
pub(crate) struct Hub {
    sender: broadcast::Sender<Arc<Pushed>>,
    recent: Mutex<RecentEvents>,
    /// When a browser was last seen here.
    watched: AtomicI64,
}

/// The newest events, for browsers that reconnect.
struct RecentEvents {
    /// The number given out or skipped last.
    last_number: u64,
    events: VecDeque<Arc<Pushed>>,
}

impl Hub {
    pub(crate) fn new() -> Hub {
        // Numbers start at the current time, so that they differ from those of an earlier run.
        Hub {
            sender: broadcast::channel(MAX_KEPT_EVENTS).0,
            recent: Mutex::new(RecentEvents {
                last_number: clock::now().unsigned_abs(),
                events: VecDeque::new(),
            }),
            watched: AtomicI64::new(0),
        }
    }

    /// The events after `last`, `None` if some of them were dropped, and a receiver of all later ones.
    pub(crate) fn subscribe(
        &self,
        last: Option<u64>,
    ) -> (Option<Vec<Arc<Pushed>>>, broadcast::Receiver<Arc<Pushed>>) {
        let recent = self.recent.lock();
        let receiver = self.sender.subscribe();
        let Some(last) = last else {
            return (Some(Vec::new()), receiver);
        };
        let oldest = recent
            .events
            .front()
            .map_or(recent.last_number, |event| event.number.saturating_sub(1));
        let missed = (oldest..=recent.last_number).contains(&last).then(|| {
            recent
                .events
                .iter()
                .filter(|event| event.number > last)
                .cloned()
                .collect()
        });
        (missed, receiver)
    }

    /// Whether a browser is connected or may still come back. When not, drops the kept events: a later one starts afresh.
    fn is_watched(&self) -> bool {
        let now = clock::now();
        if self.sender.receiver_count() > 0 {
            self.watched.store(now, Ordering::Relaxed);
            return true;
        }
        let is_awaited = now - self.watched.load(Ordering::Relaxed) < RECONNECT_WINDOW;
        if !is_awaited {
            let mut recent = self.recent.lock();
            // Skip a number, so that a browser with the last one does not look up to date.
            recent.last_number += u64::from(!recent.events.is_empty());
            recent.events.clear();
        }
        is_awaited
    }

    /// Tells browsers to read everything again.
    fn resync(&self) {
        self.push(News::Resync, &Resync {});
    }

    fn push(&self, news: News, data: &impl Serialize) {
        let data = match serde_json::to_string(data) {
            Ok(data) => data,
            Err(error) => {
                return tracing::error!(%error, name = news.name(), "an event cannot be written as JSON");
            }
        };
        let mut recent = self.recent.lock();
        recent.last_number += 1;
        let event = Arc::new(Pushed {
            number: recent.last_number,
            news,
            data,
        });
        recent.events.push_back(event.clone());
        if recent.events.len() > MAX_KEPT_EVENTS {
            recent.events.pop_front();
        }
        // It fails only when no browser is connected.
        let _ = self.sender.send(event);
    }
}

/// Feeds the hub from the bus until the server stops.
pub(crate) async fn run(shared: Arc<Shared>) -> Result<()> {
    let mut changes = shared.core.storage.bus.subscribe(&[topics::CHANGES]).await?;
    loop {
        let received = tokio::select! {
            received = changes.next() => received,
            () = shared.stopping.cancelled() => return Ok(()),
        };
        match received {
            None => return Ok(()),
            Some(Received::Lagged) => shared.hub.resync(),
            Some(Received::Event(event)) => {
                if shared.hub.is_watched()
                    && let Ok(change) = serde_json::from_str(&event.payload)
                    && let Err(error) = deliver(&shared, change).await
                {
                    tracing::warn!(%error, "change not pushed");
                }
            }
        }
    }
}

async fn deliver(shared: &Shared, change: Change) -> Result<()> {
    match change {
        Change::Many => shared.hub.resync(),
        Change::Client { client_id } => {
            if let Some(client) = shared.core.storage.database.client(&client_id).await? {
                let view = clients::view(&shared.core, client).await?;
                shared.hub.push(News::Client(client_id), &view);
            }
        }
        Change::Flow { client_id, flow_id } => {
            if let Some(flow) = shared.core.storage.database.flow(&client_id, &flow_id).await? {
                let view = flows::view(&shared.core, &flow).await?;
                shared.hub.push(News::Flow(client_id, flow_id), &view);
            }
        }
        Change::Hunt { hunt_id } => {
            if let Some(hunt) = shared.core.storage.database.hunt(&hunt_id).await? {
                shared.hub.push(News::Hunt(hunt_id), &hunts::view(hunt));
            }
        }
        Change::Rows {
            client_id,
            flow_id,
            source,
            total_rows,
            ..
        } => {
            let data = RowsStored {
                client_id: client_id.to_string(),
                flow_id: flow_id.as_ref().map_or(MONITORING, FlowId::as_str).to_owned(),
                source,
                total_rows,
            };
            shared.hub.push(News::Rows(client_id, flow_id), &data);
        }
    }
    Ok(())
}
