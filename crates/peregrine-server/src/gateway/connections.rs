//! Which agents are connected or were a moment ago, and how to wake them.

use crate::shared::Shared;
use parking_lot::Mutex;
use peregrine_services::changes::{Change, announce};
use peregrine_services::{clock, servers};
use peregrine_store::{Claim, ClientId, Contact, Micros, Touch};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How much later than expected an agent may come back and still count as online.
const POLL_GRACE: Micros = 5_000_000;
/// How often last contacts are written to the database and agents that left are noticed.
const SWEEP: Duration = Duration::from_secs(2);
/// How soon a change is written that other servers or browsers may wait for.
const PROMPT: Duration = Duration::from_millis(200);
/// How often a connected agent is recorded as seen although it sends nothing.
const REFRESH: Micros = 60_000_000;
/// How old a connection must be before its agent may replace it; sooner attempts are refused, so that two connections
/// cannot keep replacing each other.
const SETTLED: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
struct Agent {
    wake: Arc<Notify>,
    holder: Option<Holder>,
    /// The agent closed its connection before it was answered, so it is not expected back.
    has_left: bool,
    seen: Micros,
    ip: String,
    is_noted: bool,
}

/// The connection that waits for an agent's tasks.
#[derive(Debug)]
struct Holder {
    number: u64,
    claim: Claim,
    since: Instant,
    superseded: CancellationToken,
}

impl Agent {
    /// Whether its poll or socket is open, or it was just answered and is expected back.
    fn is_online(&self, now: Micros, grace: Micros) -> bool {
        self.holder.is_some() || !self.has_left && now - self.seen <= grace
    }

    fn contact(&self) -> Contact {
        match &self.holder {
            Some(holder) => Contact::Waits(holder.claim),
            None => Contact::Pauses,
        }
    }
}

type Agents = Arc<Mutex<HashMap<ClientId, Agent>>>;

/// Agents of this server.
#[derive(Debug)]
pub(crate) struct Connections {
    agents: Agents,
    /// Agents that left, which could not be written to the database yet.
    departed: Mutex<Vec<Touch>>,
    /// Notified when a change is to be written that others may wait for.
    news: Arc<Notify>,
    /// Whether other servers need to know which agents wait here.
    has_others: bool,
    next: AtomicU64,
    /// How long an agent that was answered may stay away and still count as online.
    grace: Micros,
}

/// A held connection; dropping it lets the agent connect again.
pub(super) struct Connection {
    agents: Agents,
    client_id: ClientId,
    number: u64,
    pub(super) claim: Claim,
    pub(super) wake: Arc<Notify>,
    superseded: CancellationToken,
    has_left: AtomicBool,
    /// Notified when the connection ends, if there are other servers.
    news: Option<Arc<Notify>>,
}

impl Connection {
    /// Notes that the agent closed the connection.
    pub(super) fn note_left(&self) {
        self.has_left.store(true, Ordering::Relaxed);
    }

    /// Completes when the agent has replaced this connection with another one.
    pub(super) async fn superseded(&self) {
        self.superseded.cancelled().await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(agent) = self.agents.lock().get_mut(&self.client_id)
            && agent
                .holder
                .as_ref()
                .is_some_and(|holder| holder.number == self.number)
        {
            agent.holder = None;
            agent.has_left = self.has_left.load(Ordering::Relaxed);
            agent.seen = clock::now();
            agent.is_noted = false;
            if let Some(news) = &self.news {
                news.notify_one();
            }
        }
    }
}

impl Connections {
    /// `pause` is how many seconds agents wait between two polls. With `has_others`, the beginning and end of connections are
    /// written at once, for the other servers to see.
    pub(crate) fn new(pause: u64, has_others: bool) -> Connections {
        let pause = Micros::try_from(pause.min(3600)).unwrap_or(0) * 1_000_000;
        Connections {
            agents: Agents::default(),
            departed: Mutex::default(),
            news: Arc::default(),
            has_others,
            next: AtomicU64::new(0),
            grace: POLL_GRACE + pause,
        }
    }

    /// Takes the single connection a client may hold; `None` when it is taken. The same program connects again only when its
    /// first connection is dead, which this side may not notice for a long time, so the new one replaces it. A copy of the
    /// agent cannot replace it, because it has its own session; neither can a replayed packet, which is not newer.
    pub(super) fn hold(&self, client_id: &ClientId, claim: Claim, now: Instant) -> Option<Connection> {
        let mut agents = self.agents.lock();
        let agent = agents.entry(client_id.clone()).or_default();
        if let Some(holder) = &agent.holder {
            let is_same = claim.session == holder.claim.session && claim.timestamp > holder.claim.timestamp;
            if !is_same || now.saturating_duration_since(holder.since) < SETTLED {
                return None;
            }
            holder.superseded.cancel();
            // Wake-ups from now on must not go to the old connection.
            agent.wake = Arc::default();
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let superseded = CancellationToken::new();
        agent.holder = Some(Holder {
            number,
            claim,
            since: now,
            superseded: superseded.clone(),
        });
        agent.has_left = false;
        agent.is_noted = false;
        agent.seen = clock::now();
        let news = self.has_others.then(|| self.news.clone());
        if let Some(news) = &news {
            news.notify_one();
        }
        Some(Connection {
            agents: self.agents.clone(),
            client_id: client_id.to_owned(),
            number,
            claim,
            wake: agent.wake.clone(),
            superseded,
            has_left: AtomicBool::new(false),
            news,
        })
    }

    /// Notes a sign of life.
    pub(super) fn touch(&self, client_id: &ClientId, ip: &str) {
        let mut agents = self.agents.lock();
        let is_new = !agents.contains_key(client_id);
        let agent = agents.entry(client_id.clone()).or_default();
        agent.seen = clock::now();
        agent.has_left = false;
        agent.is_noted = false;
        if agent.ip != ip {
            ip.clone_into(&mut agent.ip);
        }
        if is_new {
            self.news.notify_one();
        }
    }

    /// Wakes a client's held connection, or its next one.
    pub(super) fn wake(&self, client_id: &str) {
        if let Some(agent) = self.agents.lock().get(client_id) {
            agent.wake.notify_one();
        }
    }

    /// Wakes every agent that is connected here.
    pub(super) fn wake_all(&self) {
        for agent in self.agents.lock().values() {
            agent.wake.notify_one();
        }
    }

    /// Collects what is to be written: last contacts, and agents that left. Agents that left are forgotten.
    fn sweep(&self, now: Micros) -> Vec<Touch> {
        let mut agents = self.agents.lock();
        let mut touches = std::mem::take(&mut *self.departed.lock());
        touches.retain(|touch| !agents.contains_key(&touch.client_id));
        agents.retain(|client_id, agent| {
            // The clock may have been set back: an agent seen in the future would stay online until then.
            agent.seen = agent.seen.min(now);
            if agent.holder.is_some() && now - agent.seen > REFRESH {
                agent.seen = now;
                agent.is_noted = false;
            }
            let stays = agent.is_online(now, self.grace);
            if !agent.is_noted || !stays {
                touches.push(Touch {
                    client_id: client_id.clone(),
                    at: agent.seen,
                    ip: agent.ip.clone(),
                    contact: if stays { agent.contact() } else { Contact::Left },
                });
                agent.is_noted = true;
            }
            stays
        });
        touches
    }

    /// Queues touches that could not be written for the next sweep.
    fn put_back(&self, touches: Vec<Touch>) {
        let mut agents = self.agents.lock();
        let mut departed = self.departed.lock();
        for touch in touches {
            match agents.get_mut(&touch.client_id) {
                Some(agent) => agent.is_noted = false,
                None => departed.push(Touch {
                    contact: Contact::Left,
                    ..touch
                }),
            }
        }
    }

    /// Writes every agent again at the next sweep; needed after other servers took this one for dead and forgot its agents.
    pub(crate) fn forget_notes(&self) {
        for agent in self.agents.lock().values_mut() {
            agent.is_noted = false;
        }
        self.news.notify_one();
    }
}

/// Writes last contacts and announces which agents came and left, until the server stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let connections = &shared.gateway.connections;
    let pause = async || {
        tokio::time::sleep(PROMPT).await;
        let _ = tokio::time::timeout(SWEEP - PROMPT, connections.news.notified()).await;
    };
    loop {
        let is_last = shared.stopping.run_until_cancelled(pause()).await.is_none();
        write_down(&shared).await;
        if is_last {
            return;
        }
    }
}

async fn write_down(shared: &Shared) {
    let connections = &shared.gateway.connections;
    let touches = connections.sweep(clock::now());
    if touches.is_empty() {
        return;
    }
    let server = servers::this_server(&shared.core);
    let changed = shared.core.storage.database.touch(server, touches.clone()).await;
    match changed {
        Ok(changed) => {
            for client_id in changed {
                announce(&shared.core, &Change::Client { client_id }).await;
            }
        }
        Err(error) => {
            tracing::warn!(%error, "last contacts not stored");
            connections.put_back(touches);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use peregrine_store::testing::client_id;

    #[test]
    fn an_agent_takes_another_connection_instead_of_a_dead_one_and_a_copy_of_it_does_not() {
        let connections = Connections::new(0, false);
        let start = Instant::now();
        let hold = |session, timestamp, after| {
            connections.hold(
                &client_id("C.1"),
                Claim { session, timestamp },
                start + Duration::from_secs(after),
            )
        };
        let first = hold(1, 100, 0).unwrap();
        assert!(hold(1, 101, 1).is_none(), "not in circles");
        assert!(hold(2, 102, 60).is_none(), "a copy of it");
        assert!(hold(1, 100, 60).is_none(), "the same packet, shown again");
        let second = hold(1, 103, 60).unwrap();
        assert!(first.superseded.is_cancelled() && !second.superseded.is_cancelled());
        drop(first);
        assert!(
            hold(2, 104, 120).is_none(),
            "the end of the old one leaves the new one its place"
        );
        let touches = connections.sweep(clock::now());
        assert!(
            matches!(&touches[..], [Touch { contact: Contact::Waits(claim), .. }] if claim.timestamp == 103)
        );
        drop(second);
        assert!(hold(2, 105, 120).is_some());
    }

    #[tokio::test]
    async fn a_wake_up_reaches_the_new_connection() {
        let connections = Connections::new(0, false);
        let start = Instant::now();
        let hold = |timestamp, at| {
            connections.hold(
                &client_id("C.1"),
                Claim {
                    session: 1,
                    timestamp,
                },
                at,
            )
        };
        let old = hold(1, start).unwrap();
        let new = hold(2, start + SETTLED).unwrap();
        connections.wake("C.1");
        new.wake.notified().await;
        old.superseded().await;
    }

    #[test]
    fn who_leaves_is_offline_soon_though_the_clock_was_set_back() {
        let connections = Connections::new(0, false);
        connections.touch(&client_id("C.1"), "127.0.0.1");
        let earlier = clock::now() - 3_600_000_000;
        let contacts = |at| -> Vec<Contact> {
            let touches = connections.sweep(at);
            touches.into_iter().map(|touch| touch.contact).collect()
        };
        assert_eq!(contacts(earlier), [Contact::Pauses]);
        assert_eq!(contacts(earlier + POLL_GRACE + 1), [Contact::Left]);
        assert!(contacts(earlier + POLL_GRACE + 2).is_empty());
    }

    #[test]
    fn what_could_not_be_written_down_is_written_later() {
        let connections = Connections::new(0, true);
        for client in ["C.stays", "C.leaves", "C.returns"] {
            connections.touch(&client_id(client), "127.0.0.1");
        }
        let now = clock::now();
        connections.put_back(connections.sweep(now));
        assert_eq!(connections.sweep(now).len(), 3, "again");
        connections.touch(&client_id("C.stays"), "127.0.0.1");
        let later = now + POLL_GRACE + 1;
        connections.agents.lock().get_mut("C.stays").unwrap().seen = later;
        let gone = connections.sweep(later);
        assert_eq!(gone.len(), 3);
        connections.put_back(gone);
        connections.touch(&client_id("C.returns"), "127.0.0.1");
        let mut last: Vec<_> = connections
            .sweep(later)
            .into_iter()
            .map(|touch| (touch.client_id, touch.contact))
            .collect();
        last.sort_by(|a, b| a.0.cmp(&b.0));
        let expected = [
            ("C.leaves", Contact::Left),
            ("C.returns", Contact::Pauses),
            ("C.stays", Contact::Pauses),
        ];
        assert_eq!(last, expected.map(|(id, contact)| (client_id(id), contact)));
    }
}
