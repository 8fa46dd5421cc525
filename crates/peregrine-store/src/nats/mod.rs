//! The bus between processes, on core NATS, which stores nothing.
//!
//! A bus subscribes once to all topics of its deployment and distributes incoming messages within the process through the
//! queues of [`LocalBus`]. Lost messages are made up for by one message, "resync", on which every bus of the deployment
//! tells all its subscribers that they lag. It is sent after the link broke and came back (messages under way were lost,
//! in both directions) and when more is published than the link takes. It takes the same way as the messages, so it
//! arrives after the subscription it speaks for.

mod link;
mod options;
mod subject;

pub use options::{NatsOptions, NatsServers};

use crate::bus::{Bus, Subscription};
use crate::local_bus::LocalBus;
use crate::{Error, Result};
use async_nats::ConnectErrorKind;
use async_trait::async_trait;
use link::{Link, Outgoing};
use std::sync::Arc;
use std::time::Duration;
use subject::Subjects;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Messages queued for the link; beyond this they are dropped and everybody is told to resync.
const BACKLOG: usize = 4096;
/// Largest payload in bytes; larger ones become a resync.
const LARGEST: usize = 64 << 10;
/// Time to find a server and connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// Time for a probe to come back.
const PROBE: Duration = Duration::from_secs(5);

/// A connection to a NATS server.
#[derive(Debug)]
pub struct NatsBus {
    local: Arc<LocalBus>,
    link: Arc<Link>,
    outgoing: mpsc::Sender<Outgoing>,
    /// Aborted when the bus is dropped.
    _tasks: JoinSet<()>,
}

impl NatsBus {
    /// Connects and checks that a message comes back. Only buses of the same deployment hear each other.
    pub async fn connect(servers: &NatsServers, options: &NatsOptions, deployment: &str) -> Result<NatsBus> {
        let target = options::target(servers, options).await.map_err(Error::Bus)?;
        let name = target.name;
        let local = Arc::new(LocalBus::new());
        let link = Arc::new(Link::new(Subjects::new(deployment)));
        let connect = link.watch(target.options, &local).connect(target.servers);
        let client = match timeout(CONNECT_TIMEOUT, connect).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(Error::Bus(format!("{name} {}", refusal(&error)))),
            Err(_) => {
                let seconds = CONNECT_TIMEOUT.as_secs();
                return Err(Error::Bus(format!(
                    "{name} does not answer within {seconds} seconds; check its address, and that it can be reached from here"
                )));
            }
        };
        let failed =
            |error: &dyn std::fmt::Display| Error::Bus(format!("{name} takes no subscription: {error}"));
        let incoming = client.subscribe(link.subjects.all()).await;
        let incoming = incoming.map_err(|error| failed(&error))?;
        let (outgoing, waiting) = mpsc::channel(BACKLOG);
        let mut tasks = JoinSet::new();
        let own: Arc<str> = client.new_inbox().into();
        tasks.spawn(link::receive(link.clone(), local.clone(), incoming, own.clone()));
        tasks.spawn(link::send(link.clone(), client, waiting, own));
        let bus = NatsBus {
            local,
            link,
            outgoing,
            _tasks: tasks,
        };
        if !bus.is_caught_up().await {
            let complaint = bus.link.complaint().unwrap_or("nothing came back".to_owned());
            let subjects = bus.link.subjects.all();
            return Err(Error::Bus(format!(
                "{name} does not hand on messages ({complaint}); its account must be allowed to publish and subscribe `{subjects}`"
            )));
        }
        Ok(bus)
    }

    /// Waits until everything this process has published has come back, and with it everything others published before.
    async fn is_caught_up(&self) -> bool {
        let number = self.link.next_probe();
        self.outgoing.try_send(Outgoing::Probe(number)).is_ok()
            && timeout(PROBE, self.link.has_returned(number)).await.is_ok()
    }
}

#[async_trait]
impl Bus for NatsBus {
    fn is_shared(&self) -> bool {
        true
    }

    async fn publish(&self, topic: &str, payload: &str) -> Result<()> {
        let message = Outgoing::Message {
            subject: self.link.subjects.topic(topic),
            payload: payload.to_owned(),
        };
        if payload.len() > LARGEST || self.outgoing.try_send(message).is_err() {
            self.link.ask_for_resync();
        }
        Ok(())
    }

    async fn subscribe(&self, topics: &[&str]) -> Result<Box<dyn Subscription>> {
        // Otherwise messages published before this call would still arrive.
        let is_caught_up = self.is_caught_up().await;
        let subscription = self.local.listen(topics);
        Ok(Box::new(if is_caught_up {
            subscription
        } else {
            subscription.behind()
        }))
    }
}

/// Why the connection failed, and what to do about it.
fn refusal(error: &async_nats::ConnectError) -> String {
    let reason = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            "refuses the login; check user, password, token or credentials file".to_owned()
        }
        ConnectErrorKind::TimedOut => {
            "does not answer; check its address, and that it can be reached from here".to_owned()
        }
        ConnectErrorKind::Tls => format!("cannot be spoken to with TLS ({reason}); check the certificates"),
        _ => format!("cannot be connected to ({reason}); check its address, its TLS, and that it runs"),
    }
}
