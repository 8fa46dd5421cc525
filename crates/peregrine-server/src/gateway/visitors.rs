//! Limits connections. Peers that have not proved who they are (strangers) are limited in number and time; beyond the
//! number, the oldest one has to go. Agents that have proved themselves and signed-in users do not count, however many
//! come from one address, but each agent may have only a few connections.

use parking_lot::Mutex;
use peregrine_store::ClientId;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio_util::sync::CancellationToken;

/// All connections.
#[derive(Debug)]
pub(crate) struct Visitors {
    connected: Mutex<Connected>,
    total: AtomicUsize,
    max_strangers: usize,
    max_per_address: usize,
    max_per_agent: usize,
    max_total: usize,
}

#[derive(Debug, Default)]
struct Connected {
    /// Strangers by address, oldest first.
    strangers: HashMap<IpAddr, BTreeMap<u64, CancellationToken>>,
    stranger_count: usize,
    next: u64,
    /// Number of connections per agent.
    agents: HashMap<ClientId, usize>,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Visitor {
    visitors: Arc<Visitors>,
    address: IpAddr,
    number: u64,
    is_proven: AtomicBool,
    /// The agent that first proved itself on the connection.
    agent: Mutex<Option<ClientId>>,
    /// Number of [`Tolerated`], which let a stranger stay longer.
    tolerated: AtomicUsize,
    sent_away: CancellationToken,
}

impl Visitors {
    pub(crate) fn new(
        max_strangers: u64,
        max_per_address: u64,
        max_per_agent: usize,
        max_total: usize,
    ) -> Visitors {
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Visitors {
            connected: Mutex::default(),
            total: AtomicUsize::new(0),
            max_strangers: number(max_strangers),
            max_per_address: number(max_per_address),
            max_per_agent,
            max_total,
        }
    }

    /// Admits a connection; `None` when there is no room at all. When there are too many strangers, the oldest one is sent
    /// away and the result is true: one of the same address if that has too many, else one of the address with the most.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<(Arc<Visitor>, bool)> {
        if self.max_per_address == 0 || self.total.load(Ordering::Relaxed) >= self.max_total {
            return None;
        }
        let mut connected = self.connected.lock();
        let count = connected.strangers.get(&address).map_or(0, BTreeMap::len);
        let crowd = if count >= self.max_per_address {
            Some(address)
        } else if connected.stranger_count >= self.max_strangers {
            let crowds = connected.strangers.iter();
            crowds
                .max_by_key(|(_, crowd)| crowd.len())
                .map(|(crowd, _)| *crowd)
        } else {
            None
        };
        if let Some(crowd) = crowd {
            connected.send_away(crowd);
        }
        let (number, sent_away) = (connected.next, CancellationToken::new());
        connected.next += 1;
        connected.stranger_count += 1;
        connected
            .strangers
            .entry(address)
            .or_default()
            .insert(number, sent_away.clone());
        self.total.fetch_add(1, Ordering::Relaxed);
        let visitor = Visitor {
            visitors: self.clone(),
            address,
            number,
            is_proven: AtomicBool::new(false),
            agent: Mutex::default(),
            tolerated: AtomicUsize::new(0),
            sent_away,
        };
        Some((Arc::new(visitor), crowd.is_some()))
    }
}

impl Connected {
    fn send_away(&mut self, address: IpAddr) {
        let oldest = self
            .strangers
            .get(&address)
            .and_then(|found| found.first_key_value());
        if let Some((number, sent_away)) = oldest {
            let number = *number;
            sent_away.cancel();
            self.forget(address, number);
        }
    }

    fn forget(&mut self, address: IpAddr, number: u64) {
        let Some(strangers) = self.strangers.get_mut(&address) else {
            return;
        };
        if strangers.remove(&number).is_some() {
            self.stranger_count -= 1;
        }
        if strangers.is_empty() {
            self.strangers.remove(&address);
        }
    }
}

impl Visitor {
    /// Notes that the peer proved who it is.
    pub(crate) fn prove(&self) {
        if !self.is_proven.swap(true, Ordering::Relaxed) {
            self.visitors.connected.lock().forget(self.address, self.number);
        }
    }

    /// As [`Visitor::prove`] for an agent; false when it has too many connections already.
    pub(super) fn prove_agent(&self, client_id: &ClientId) -> bool {
        let mut agent = self.agent.lock();
        if agent.is_none() {
            let mut connected = self.visitors.connected.lock();
            let name: ClientId = match connected.agents.get_key_value(client_id) {
                Some((_, count)) if *count >= self.visitors.max_per_agent => return false,
                Some((name, _)) => name.clone(),
                None => client_id.clone(),
            };
            *connected.agents.entry(name.clone()).or_default() += 1;
            *agent = Some(name);
        }
        drop(agent);
        self.prove();
        true
    }

    pub(crate) fn is_proven(&self) -> bool {
        self.is_proven.load(Ordering::Relaxed)
    }

    /// The agent that proved itself first on this connection.
    pub(super) fn agent(&self) -> Option<ClientId> {
        self.agent.lock().clone()
    }

    /// Lets a stranger stay until the returned guard is dropped.
    pub(super) fn tolerate(&self) -> Tolerated<'_> {
        self.tolerated.fetch_add(1, Ordering::Relaxed);
        Tolerated(self)
    }

    /// Whether the connection may outlive the time limit of strangers.
    pub(crate) fn may_stay(&self) -> bool {
        self.is_proven() || self.tolerated.load(Ordering::Relaxed) > 0
    }

    /// Completes when this stranger has to go because there are too many; never for a peer that proved itself.
    pub(crate) async fn sent_away(&self) {
        self.sent_away.cancelled().await;
        if self.is_proven() {
            std::future::pending::<()>().await;
        }
    }
}

/// While this exists, the stranger may stay.
pub(super) struct Tolerated<'a>(&'a Visitor);

impl Drop for Tolerated<'_> {
    fn drop(&mut self) {
        self.0.tolerated.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.visitors.total.fetch_sub(1, Ordering::Relaxed);
        let mut connected = self.visitors.connected.lock();
        connected.forget(self.address, self.number);
        if let Some(agent) = self.agent.get_mut().take()
            && let Some(count) = connected.agents.get_mut(&agent)
        {
            *count -= 1;
            if *count == 0 {
                connected.agents.remove(&agent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use peregrine_store::testing::client_id;

    fn visitors() -> Arc<Visitors> {
        Arc::new(Visitors::new(4, 3, 2, 100))
    }

    fn address(last: u8) -> IpAddr {
        [127, 0, 0, last].into()
    }

    #[test]
    fn the_oldest_stranger_goes_when_there_are_too_many() {
        let visitors = visitors();
        let crowd: Vec<_> = (0..5).map(|_| visitors.admit(address(1)).unwrap().0).collect();
        let gone: Vec<_> = crowd.iter().map(|one| one.sent_away.is_cancelled()).collect();
        assert_eq!(gone, [true, true, false, false, false]);
        let others = [2, 3].map(|last| visitors.admit(address(last)).unwrap().0);
        assert!(crowd[2].sent_away.is_cancelled(), "of the address with the most");
        assert!(others.iter().all(|one| !one.sent_away.is_cancelled()));
        drop((crowd, others));
        assert_eq!(visitors.connected.lock().stranger_count, 0);
        assert!(visitors.connected.lock().strangers.is_empty());
    }

    #[test]
    fn one_agent_has_a_few_connections() {
        let visitors = visitors();
        let connect = || visitors.admit(address(1)).unwrap().0;
        let (first, second, third) = (connect(), connect(), connect());
        assert!(
            first.prove_agent(&client_id("C.1"))
                && first.prove_agent(&client_id("C.1"))
                && second.prove_agent(&client_id("C.1"))
        );
        assert!(!third.prove_agent(&client_id("C.1")) && !third.is_proven());
        assert!(third.prove_agent(&client_id("C.2")));
        drop(first);
        assert!(connect().prove_agent(&client_id("C.1")));
    }
}
