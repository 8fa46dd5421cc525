//! The bus between processes, on NATS: core NATS, which keeps nothing.
//!
//! A bus has one subscription to all topics of its deployment and hands what comes in on within the process, with the queues
//! of [`LocalBus`]. What gets lost is made good with one message, "resync", on which every bus of the deployment tells all its
//! subscribers that they lag. It is sent after the link broke and came back (what was under way is lost, in both
//! directions) and when more is published than the link takes. It goes the way of the messages, so that it comes
//! after the subscription it speaks for.

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

/// Messages that wait for the link, before they are dropped and everybody told to resync.
const BACKLOG: usize = 4096;
/// Bytes of a payload at most; what is larger is a resync.
const LARGEST: usize = 64 << 10;
/// For finding a server.
const CONNECT: Duration = Duration::from_secs(20);
/// For a message to come back.
const PROBE: Duration = Duration::from_secs(5);

/// A connection to a NATS server.
#[derive(Debug)]
pub struct NatsBus {
    local: Arc<LocalBus>,
    link: Arc<Link>,
    outgoing: mpsc::Sender<Outgoing>,
    /// Ends with the bus.
    _tasks: JoinSet<()>,
}

impl NatsBus {
    /// Connects, and sees that a message comes back. Only buses of the same deployment hear each other.
    pub async fn connect(servers: &NatsServers, options: &NatsOptions, deployment: &str) -> Result<NatsBus> {
        let target = options::target(servers, options).await.map_err(Error::Bus)?;
        let name = target.name;
        let local = Arc::new(LocalBus::new());
        let link = Arc::new(Link::new(Subjects::new(deployment)));
        let connect = link.watch(target.options, &local).connect(target.servers);
        let client = match timeout(CONNECT, connect).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(Error::Bus(format!("{name} {}", refusal(&error)))),
            Err(_) => {
                let seconds = CONNECT.as_secs();
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

    /// Waits until what this process has published so far has come back, and what others published before as well.
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
        // What was published before would otherwise still come in.
        let is_caught_up = self.is_caught_up().await;
        let subscription = self.local.listen(topics);
        Ok(Box::new(if is_caught_up {
            subscription
        } else {
            subscription.behind()
        }))
    }
}

/// Why there is no connection, and what to do.
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
