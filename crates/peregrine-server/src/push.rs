//! Tells browsers what changed. The bus carries which object changed; a server reads its new state only if a browser
//! there is connected.

use crate::Result;
use crate::shared::Shared;
use parking_lot::Mutex;
use peregrine_api::push::{Resync, RowsStored};
use peregrine_services::changes::{Change, topics};
use peregrine_services::{clients, clock, flows};
use peregrine_store::{Micros, Received};
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::broadcast;

/// How many events a reconnecting browser can catch up on.
const KEPT: usize = 1024;

/// How long events are kept for a browser that may reconnect.
const RETURN: Micros = 60_000_000;

/// An event for browsers.
#[derive(Debug)]
pub(crate) struct Pushed {
    pub(crate) number: u64,
    pub(crate) name: &'static str,
    pub(crate) client_id: String,
    pub(crate) flow_id: String,
    /// The JSON to send.
    pub(crate) data: String,
}

/// What a browser subscribes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Topic {
    Clients,
    Client(String),
    /// Collections on all machines.
    AllFlows,
    Flows(String),
    Flow(String, String),
}

impl Topic {
    /// Parses `clients`, `client:C.x`, `flows`, `flows:C.x` or `flow:C.x/F.y`.
    pub(crate) fn parse(text: &str) -> Option<Topic> {
        match text.split_once(':') {
            None if text == "clients" => Some(Topic::Clients),
            None if text == "flows" => Some(Topic::AllFlows),
            None => None,
            Some(("client", id)) => Some(Topic::Client(id.to_owned())),
            Some(("flows", id)) => Some(Topic::Flows(id.to_owned())),
            Some(("flow", path)) => path
                .split_once('/')
                .map(|(client, flow)| Topic::Flow(client.to_owned(), flow.to_owned())),
            Some(_) => None,
        }
    }

    pub(crate) fn covers(&self, event: &Pushed) -> bool {
        match self {
            Topic::Clients => event.name == "client",
            Topic::Client(id) => event.name == "client" && *id == event.client_id,
            Topic::AllFlows => event.name == "flow",
            Topic::Flows(id) => event.name == "flow" && *id == event.client_id,
            Topic::Flow(client, flow) => {
                event.name != "client" && *client == event.client_id && *flow == event.flow_id
            }
        }
    }
}

/// Fans events out to the browsers connected to this server.
pub(crate) struct Hub {
    live: broadcast::Sender<Arc<Pushed>>,
    recent: Mutex<(u64, VecDeque<Arc<Pushed>>)>,
    /// When a browser was last seen here.
    watched: AtomicI64,
}

impl Hub {
    pub(crate) fn new() -> Hub {
        // Numbers start at the current time, so that they differ from those of an earlier run.
        Hub {
            live: broadcast::channel(KEPT).0,
            recent: Mutex::new((clock::now().unsigned_abs(), VecDeque::new())),
            watched: AtomicI64::new(0),
        }
    }

    /// The events after `last`, `None` if some of them were dropped, and a receiver of all later ones.
    pub(crate) fn subscribe(
        &self,
        last: Option<u64>,
    ) -> (Option<Vec<Arc<Pushed>>>, broadcast::Receiver<Arc<Pushed>>) {
        let recent = self.recent.lock();
        let live = self.live.subscribe();
        let Some(last) = last else {
            return (Some(Vec::new()), live);
        };
        let oldest = recent
            .1
            .front()
            .map_or(recent.0, |event| event.number.saturating_sub(1));
        let missed = (oldest..=recent.0).contains(&last).then(|| {
            recent
                .1
                .iter()
                .filter(|event| event.number > last)
                .cloned()
                .collect()
        });
        (missed, live)
    }

    /// Whether a browser is connected or may still come back. When not, drops the kept events: a later one starts afresh.
    fn is_watched(&self) -> bool {
        let now = clock::now();
        if self.live.receiver_count() > 0 {
            self.watched.store(now, Ordering::Relaxed);
            return true;
        }
        let is_awaited = now - self.watched.load(Ordering::Relaxed) < RETURN;
        if !is_awaited {
            let mut recent = self.recent.lock();
            // Skip a number, so that a browser with the last one does not look up to date.
            recent.0 += u64::from(!recent.1.is_empty());
            recent.1.clear();
        }
        is_awaited
    }

    /// Tells browsers to read everything again.
    fn resync(&self) {
        self.push("resync", String::new(), String::new(), &Resync {});
    }

    fn push(&self, name: &'static str, client_id: String, flow_id: String, data: &impl Serialize) {
        let data = match serde_json::to_string(data) {
            Ok(data) => data,
            Err(error) => return tracing::error!(%error, name, "an event cannot be written as JSON"),
        };
        let mut recent = self.recent.lock();
        recent.0 += 1;
        let event = Arc::new(Pushed {
            number: recent.0,
            name,
            client_id,
            flow_id,
            data,
        });
        recent.1.push_back(event.clone());
        if recent.1.len() > KEPT {
            recent.1.pop_front();
        }
        // It fails only when no browser is connected.
        let _ = self.live.send(event);
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
                shared.hub.push("client", client_id, String::new(), &view);
            }
        }
        Change::Flow { client_id, flow_id } => {
            if let Some(flow) = shared.core.storage.database.flow(&client_id, &flow_id).await? {
                let view = flows::view(&shared.core, &flow).await?;
                shared.hub.push("flow", client_id, flow_id, &view);
            }
        }
        Change::Rows {
            client_id,
            flow_id,
            source,
            total_rows,
        } => {
            let data = RowsStored {
                client_id: client_id.clone(),
                flow_id: flow_id.clone(),
                source,
                total_rows,
            };
            shared.hub.push("rows", client_id, flow_id, &data);
        }
    }
    Ok(())
}
