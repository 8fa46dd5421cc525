//! Who is connected, who was just here, and how to wake them.

use crate::clock;
use crate::push::{Change, announce};
use crate::shared::Shared;
use parking_lot::Mutex;
use peregrine_store::{Micros, Touch};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// How much later than expected an agent may come back and still counts as online.
const GRACE: Micros = 5_000_000;
/// How often signs of life are written to the database, and those who left are noticed.
const SWEEP: Duration = Duration::from_secs(2);
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
    /// It closed its connection, instead of being answered: it will not come back by itself.
    has_left: bool,
    seen: Micros,
    ip: String,
    is_noted: bool,
}

impl Agent {
    /// Its poll or socket is open, or it was just answered and is expected back.
    fn is_online(&self, now: Micros, grace: Micros) -> bool {
        self.is_connected || !self.has_left && now - self.seen <= grace
    }
}

/// Agents of this replica.
#[derive(Debug)]
pub(crate) struct Connections {
    agents: Mutex<HashMap<String, Agent>>,
    /// How long one that was answered may stay away.
    grace: Micros,
}

/// A held connection; dropping it lets the agent connect again.
pub(super) struct Connection {
    shared: Arc<Shared>,
    client_id: String,
    pub(super) wake: Arc<Notify>,
    has_left: AtomicBool,
}

impl Connection {
    /// Notes that the agent closed it.
    pub(super) fn note_left(&self) {
        self.has_left.store(true, Ordering::Relaxed);
    }
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
            agent.has_left = self.has_left.load(Ordering::Relaxed);
            agent.seen = clock::now();
            agent.is_noted = false;
        }
    }
}

impl Connections {
    /// Agents pause so many seconds between two polls.
    pub(super) fn new(pause: u64) -> Connections {
        let pause = Micros::try_from(pause.min(3600)).unwrap_or(0) * 1_000_000;
        Connections {
            agents: Mutex::default(),
            grace: GRACE + pause,
        }
    }

    /// Takes the place of a client's one connection; none when it is taken.
    pub(super) fn hold(&self, shared: &Arc<Shared>, client_id: &str) -> Option<Connection> {
        let mut agents = self.agents.lock();
        let agent = agents.entry(client_id.to_owned()).or_default();
        if agent.is_connected {
            return None;
        }
        agent.is_connected = true;
        agent.has_left = false;
        agent.seen = clock::now();
        Some(Connection {
            shared: shared.clone(),
            client_id: client_id.to_owned(),
            wake: agent.wake.clone(),
            has_left: AtomicBool::new(false),
        })
    }

    /// Notes a sign of life; true when the agent was not online before.
    pub(super) fn touch(&self, client_id: &str, ip: &str) -> bool {
        let mut agents = self.agents.lock();
        let is_new = !agents.contains_key(client_id);
        let agent = agents.entry(client_id.to_owned()).or_default();
        agent.seen = clock::now();
        agent.has_left = false;
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
        let agents = self.agents.lock();
        let agent = agents.get(client_id)?;
        agent.is_online(clock::now(), self.grace).then(|| Seen {
            at: agent.seen,
            ip: agent.ip.clone(),
        })
    }

    /// Clients online.
    pub(crate) fn online(&self) -> Vec<String> {
        let now = clock::now();
        let agents = self.agents.lock();
        let online = agents
            .iter()
            .filter(|(_, agent)| agent.is_online(now, self.grace));
        online.map(|(client_id, _)| client_id.clone()).collect()
    }

    /// Number of clients online.
    pub(crate) fn count(&self) -> usize {
        let now = clock::now();
        self.agents
            .lock()
            .values()
            .filter(|agent| agent.is_online(now, self.grace))
            .count()
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
            let stays = agent.is_online(now, self.grace);
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
