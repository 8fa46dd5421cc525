//! The two tasks at the ends of a link, and what they know of it.

use crate::local_bus::LocalBus;
use crate::nats::subject::{Incoming, Subjects};
use async_nats::client::PublishErrorKind;
use async_nats::{Client, ConnectOptions, Event, Subscriber};
use futures_util::StreamExt;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::{Notify, mpsc, watch};

/// What waits for the link.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// A message of a topic.
    Message { subject: String, payload: String },
    /// Everybody reads the truth again.
    Resync,
    /// Looks whether messages come back; numbered.
    Probe(u64),
}

/// What is known of the link to a server.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) subjects: Subjects,
    /// Messages were dropped on this side.
    has_dropped: AtomicBool,
    /// The sender shall look at the link.
    look: Notify,
    probes: AtomicU64,
    /// The last probe that came back.
    returned: watch::Sender<u64>,
    /// What the server said last that was not good.
    complaint: Mutex<Option<String>>,
}

impl Link {
    pub(super) fn new(subjects: Subjects) -> Link {
        Link {
            subjects,
            has_dropped: AtomicBool::new(false),
            look: Notify::new(),
            probes: AtomicU64::new(0),
            returned: watch::Sender::new(0),
            complaint: Mutex::new(None),
        }
    }

    /// Has itself told what happens to a connection.
    pub(super) fn watch(self: &Arc<Link>, options: ConnectOptions, local: &Arc<LocalBus>) -> ConnectOptions {
        let (link, local) = (self.clone(), Arc::downgrade(local));
        options.event_callback(move |event| {
            match event {
                Event::Connected => tracing::info!("connected to the bus"),
                Event::Disconnected => tracing::warn!(
                    "the connection to the bus is lost: until it is back, other servers and this one see late what the other did"
                ),
                // Messages came in faster than they were handed on.
                Event::SlowConsumer(_) => {
                    if let Some(local) = local.upgrade() {
                        local.lag_all();
                    }
                }
                Event::ServerError(error) => {
                    tracing::warn!(%error, "the server of the bus complains");
                    *link.complaint.lock() = Some(error.to_string());
                }
                other => tracing::debug!(event = %other, "bus"),
            }
            link.look.notify_one();
            std::future::ready(())
        })
    }

    pub(super) fn complaint(&self) -> Option<String> {
        self.complaint.lock().clone()
    }

    /// Messages of this process were dropped, whoever they were for.
    pub(super) fn ask_for_resync(&self) {
        self.has_dropped.store(true, Ordering::Release);
        self.look.notify_one();
    }

    pub(super) fn next_probe(&self) -> u64 {
        self.probes.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) async fn has_returned(&self, probe: u64) {
        // It fails only without a sender, which this one is.
        let _ = self.returned.subscribe().wait_for(|last| *last >= probe).await;
    }
}

/// Hands on what comes in. Probes carry the name of the bus they are of.
pub(super) async fn receive(link: Arc<Link>, local: Arc<LocalBus>, mut incoming: Subscriber, name: Arc<str>) {
    while let Some(message) = incoming.next().await {
        let Ok(payload) = std::str::from_utf8(&message.payload) else {
            continue;
        };
        match link.subjects.read(&message.subject) {
            Some(Incoming::Topic(topic)) => local.deliver(&topic, payload),
            Some(Incoming::Resync) => local.lag_all(),
            Some(Incoming::Probe) => {
                let number = payload
                    .strip_prefix(&*name)
                    .map(|number| number.trim_start().parse::<u64>());
                if let Some(Ok(number)) = number {
                    link.returned.send_replace(number);
                }
            }
            None => tracing::debug!(subject = %message.subject, "a message on the bus that is none of ours"),
        }
    }
}

/// Sends what waits; alone waits for the link.
pub(super) async fn send(
    link: Arc<Link>,
    client: Client,
    mut waiting: mpsc::Receiver<Outgoing>,
    name: Arc<str>,
) {
    let statistics = client.statistics();
    let mut connections = statistics.connects.load(Ordering::Relaxed);
    loop {
        let mut next = Vec::new();
        tokio::select! {
            waited = waiting.recv() => match waited {
                Some(waited) => next.push(waited),
                None => return,
            },
            () = link.look.notified() => {}
        }
        let has_dropped = link.has_dropped.swap(false, Ordering::AcqRel);
        let now = statistics.connects.load(Ordering::Relaxed);
        if has_dropped || now != connections {
            connections = now;
            // A resync covers what was published before it.
            for _ in 0..waiting.len() {
                next.extend(waiting.try_recv().ok());
            }
            next.retain(|older| matches!(older, Outgoing::Probe(_)));
            next.insert(0, Outgoing::Resync);
        }
        for outgoing in next {
            let (subject, payload) = match outgoing {
                Outgoing::Message { subject, payload } => (subject, payload),
                Outgoing::Resync => (link.subjects.resync(), String::new()),
                Outgoing::Probe(number) => (link.subjects.probe(), format!("{name} {number}")),
            };
            match client.publish(subject, payload.into()).await {
                Ok(()) => {}
                // A server may take less than others.
                Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => link.ask_for_resync(),
                // The client has ended, and will not come back.
                Err(error) => return tracing::error!(%error, "the bus has ended"),
            }
        }
    }
}
