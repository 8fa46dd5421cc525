//! Who is connected, who was just here, and how to wake them.

use crate::clock;
use crate::push::{Change, announce};
use crate::shared::Shared;
use parking_lot::Mutex;
use peregrine_store::{Micros, Touch};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long an agent between two polls still counts as online.
const GRACE: Micros = 20_000_000;
/// How often signs of life are written to the database.
const SWEEP: Duration = Duration::from_secs(5);
/// A silent but connected agent is noted as seen so often.
const REFRESH: Micros = 60_000_000;

/// When and from where an agent that is here was last heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) at: Micros,
    pub(crate) ip: String,
}

#[derive(Debug, Default)]
struct Agent {
    wake: Arc<Notify>,
    is_connected: bool,
    seen: Micros,
    ip: String,
    is_noted: bool,
}

/// Agents of this replica.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    agents: Mutex<HashMap<String, Agent>>,
}

/// A held connection; dropping it lets the agent connect again.
pub(super) struct Connection {
    shared: Arc<Shared>,
    client_id: String,
    pub(super) wake: Arc<Notify>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(agent) = self
            .shared
            .gateway
            .connections
            .agents
            .lock()
            .get_mut(&self.client_id)
        {
            agent.is_connected = false;
            agent.seen = clock::now();
            agent.is_noted = false;
        }
    }
}

impl Connections {
    /// Takes the place of a client's one connection; none when it is taken.
    pub(super) fn hold(&self, shared: &Arc<Shared>, client_id: &str) -> Option<Connection> {
        let mut agents = self.agents.lock();
        let agent = agents.entry(client_id.to_owned()).or_default();
        if agent.is_connected {
            return None;
        }
        agent.is_connected = true;
        agent.seen = clock::now();
        Some(Connection {
            shared: shared.clone(),
            client_id: client_id.to_owned(),
            wake: agent.wake.clone(),
        })
    }

    /// Notes a sign of life; true when the agent was not online before.
    pub(super) fn touch(&self, client_id: &str, ip: &str) -> bool {
        let mut agents = self.agents.lock();
        let is_new = !agents.contains_key(client_id);
        let agent = agents.entry(client_id.to_owned()).or_default();
        agent.seen = clock::now();
        agent.is_noted = false;
        if agent.ip != ip {
            ip.clone_into(&mut agent.ip);
        }
        is_new
    }

    /// Wakes a client's held connection, or its next one.
    pub(super) fn wake(&self, client_id: &str) {
        if let Some(agent) = self.agents.lock().get(client_id) {
            agent.wake.notify_one();
        }
    }

    /// Wakes everybody.
    pub(super) fn wake_all(&self) {
        for agent in self.agents.lock().values() {
            agent.wake.notify_one();
        }
    }

    /// When an online client was last seen; none when it is not online.
    pub(crate) fn seen(&self, client_id: &str) -> Option<Seen> {
        self.agents.lock().get(client_id).map(|agent| Seen {
            at: agent.seen,
            ip: agent.ip.clone(),
        })
    }

    /// Clients online.
    pub(crate) fn online(&self) -> Vec<String> {
        self.agents.lock().keys().cloned().collect()
    }

    /// Number of clients online.
    pub(crate) fn count(&self) -> usize {
        self.agents.lock().len()
    }

    /// Signs of life to write down, and clients that left.
    fn sweep(&self, now: Micros) -> (Vec<Touch>, Vec<String>) {
        let (mut touches, mut gone) = (Vec::new(), Vec::new());
        self.agents.lock().retain(|client_id, agent| {
            if agent.is_connected && now - agent.seen > REFRESH {
                agent.seen = now;
                agent.is_noted = false;
            }
            if !agent.is_noted {
                touches.push(Touch {
                    client_id: client_id.clone(),
                    at: agent.seen,
                    ip: agent.ip.clone(),
                });
                agent.is_noted = true;
            }
            let stays = agent.is_connected || now - agent.seen <= GRACE;
            if !stays {
                gone.push(client_id.clone());
            }
            stays
        });
        (touches, gone)
    }
}

/// Writes signs of life down and announces who left, until the server stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        let is_last = tokio::select! {
            () = tokio::time::sleep(SWEEP) => false,
            () = shared.stopping.cancelled() => true,
        };
        let (touches, gone) = shared.gateway.connections.sweep(clock::now());
        if !touches.is_empty()
            && let Err(error) = shared.storage.database.touch(touches).await
        {
            tracing::warn!(%error, "last contacts not stored");
        }
        for client_id in gone {
            announce(&shared, &Change::Client { client_id }).await;
        }
        if is_last {
            return;
        }
    }
}
