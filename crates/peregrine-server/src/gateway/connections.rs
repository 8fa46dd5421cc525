//! Who is connected, who was just here, and how to wake them.

use crate::shared::Shared;
use parking_lot::Mutex;
use peregrine_services::changes::{Change, announce};
use peregrine_services::clock;
use peregrine_services::{Presence, Seen};
use peregrine_store::{Micros, Touch};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How much later than expected an agent may come back and still counts as online.
const GRACE: Micros = 5_000_000;
/// How often signs of life are written to the database, and those who left are noticed.
const SWEEP: Duration = Duration::from_secs(2);
/// A silent but connected agent is noted as seen so often.
const REFRESH: Micros = 60_000_000;
/// How long a connection was there before its agent may take another one instead: whoever comes more often is refused, so
/// that nobody goes in circles.
const SETTLED: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
struct Agent {
    wake: Arc<Notify>,
    holder: Option<Holder>,
    /// It closed its connection, instead of being answered: it will not come back by itself.
    has_left: bool,
    seen: Micros,
    ip: String,
    is_noted: bool,
}

/// What an agent says when it wants to wait for tasks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    /// The session of its packet, which only the program that began it has.
    pub(super) session: u64,
    /// The time of its packet, by its clock.
    pub(super) timestamp: u64,
}

/// Whose turn it is to wait for an agent's tasks.
#[derive(Debug)]
struct Holder {
    number: u64,
    claim: Claim,
    since: Instant,
    superseded: CancellationToken,
}

impl Agent {
    /// Its poll or socket is open, or it was just answered and is expected back.
    fn is_online(&self, now: Micros, grace: Micros) -> bool {
        self.holder.is_some() || !self.has_left && now - self.seen <= grace
    }
}

type Agents = Arc<Mutex<HashMap<String, Agent>>>;

/// Agents of this replica.
#[derive(Debug)]
pub(crate) struct Connections {
    agents: Agents,
    next: AtomicU64,
    /// How long one that was answered may stay away.
    grace: Micros,
}

/// A held connection; dropping it lets the agent connect again.
pub(super) struct Connection {
    agents: Agents,
    client_id: String,
    number: u64,
    pub(super) wake: Arc<Notify>,
    superseded: CancellationToken,
    has_left: AtomicBool,
}

impl Connection {
    /// Notes that the agent closed it.
    pub(super) fn note_left(&self) {
        self.has_left.store(true, Ordering::Relaxed);
    }

    /// Ends when the agent has another connection instead.
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
        }
    }
}

impl Connections {
    /// Agents pause so many seconds between two polls.
    pub(crate) fn new(pause: u64) -> Connections {
        let pause = Micros::try_from(pause.min(3600)).unwrap_or(0) * 1_000_000;
        Connections {
            agents: Agents::default(),
            next: AtomicU64::new(0),
            grace: GRACE + pause,
        }
    }

    /// Takes the place of a client's one connection; none when it is taken. The same program asks for another only when the
    /// first one is dead to it, of which this side may hear nothing for long; so it gets the place. A copy of it does not:
    /// it has a session of its own. A packet that is shown again is not newer.
    pub(super) fn hold(&self, client_id: &str, claim: Claim, now: Instant) -> Option<Connection> {
        let mut agents = self.agents.lock();
        let agent = agents.entry(client_id.to_owned()).or_default();
        if let Some(holder) = &agent.holder {
            let is_same = claim.session == holder.claim.session && claim.timestamp > holder.claim.timestamp;
            if !is_same || now.saturating_duration_since(holder.since) < SETTLED {
                return None;
            }
            holder.superseded.cancel();
            // What wakes the agent from now on is not for the old one.
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
        agent.seen = clock::now();
        Some(Connection {
            agents: self.agents.clone(),
            client_id: client_id.to_owned(),
            number,
            wake: agent.wake.clone(),
            superseded,
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
            // The clock was set back: nobody is seen in the future, or who leaves would stay online until then.
            agent.seen = agent.seen.min(now);
            if agent.holder.is_some() && now - agent.seen > REFRESH {
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

impl Presence for Connections {
    fn seen(&self, client_id: &str) -> Option<Seen> {
        let agents = self.agents.lock();
        let agent = agents.get(client_id)?;
        agent.is_online(clock::now(), self.grace).then(|| Seen {
            at: agent.seen,
            ip: agent.ip.clone(),
        })
    }

    fn online(&self) -> Vec<String> {
        let now = clock::now();
        let agents = self.agents.lock();
        let online = agents
            .iter()
            .filter(|(_, agent)| agent.is_online(now, self.grace));
        online.map(|(client_id, _)| client_id.clone()).collect()
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
            && let Err(error) = shared.core.storage.database.touch(touches).await
        {
            tracing::warn!(%error, "last contacts not stored");
        }
        for client_id in gone {
            announce(&shared.core, &Change::Client { client_id }).await;
        }
        if is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_takes_another_connection_instead_of_a_dead_one_and_a_copy_of_it_does_not() {
        let connections = Connections::new(0);
        let start = Instant::now();
        let hold = |session, timestamp, after| {
            connections.hold(
                "C.1",
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
        assert_eq!(connections.count(), 1);
        drop(second);
        assert!(hold(2, 105, 120).is_some());
    }

    #[tokio::test]
    async fn a_wake_up_reaches_the_new_connection() {
        let connections = Connections::new(0);
        let start = Instant::now();
        let hold = |timestamp, at| {
            connections.hold(
                "C.1",
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
        let connections = Connections::new(0);
        connections.touch("C.1", "127.0.0.1");
        let earlier = clock::now() - 3_600_000_000;
        assert!(connections.sweep(earlier).1.is_empty());
        assert_eq!(connections.sweep(earlier + GRACE + 1).1, ["C.1"]);
    }
}
