//! The tasks that send and receive on a link, and the state they share.

use crate::local_bus::LocalBus;
use crate::nats::subject::{Incoming, Subjects};
use async_nats::client::PublishErrorKind;
use async_nats::{Client, ConnectOptions, Event, Subscriber};
use futures_util::StreamExt;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::{Notify, mpsc, watch};

/// Queued for the link.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// A message on a topic.
    Message { subject: String, payload: String },
    /// Tells all buses of the deployment to resync.
    Resync,
    /// A numbered message to ourselves: shows that messages come back.
    Probe(u64),
}

/// State of the link to a server.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) subjects: Subjects,
    /// Messages of this process were dropped before they reached the link.
    has_dropped: AtomicBool,
    /// Wakes the sender to look at the link.
    wake_sender: Notify,
    probes: AtomicU64,
    /// Number of the last probe that came back.
    returned: watch::Sender<u64>,
    /// Last error reported by the server.
    complaint: Mutex<Option<String>>,
}

impl Link {
    pub(super) fn new(subjects: Subjects) -> Link {
        Link {
            subjects,
            has_dropped: AtomicBool::new(false),
            wake_sender: Notify::new(),
            probes: AtomicU64::new(0),
            returned: watch::Sender::new(0),
            complaint: Mutex::new(None),
        }
    }

    /// Registers for events of the connection.
    pub(super) fn watch(self: &Arc<Link>, options: ConnectOptions, local: &Arc<LocalBus>) -> ConnectOptions {
        let (link, local) = (self.clone(), Arc::downgrade(local));
        options.event_callback(move |event| {
            match event {
                Event::Connected => tracing::info!("connected to the bus"),
                Event::Disconnected => tracing::warn!(
                    "the connection to the bus is lost: until it is back, other servers and this one see late what the other did"
                ),
                // Messages arrived faster than they were handed on.
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
            link.wake_sender.notify_one();
            std::future::ready(())
        })
    }

    pub(super) fn complaint(&self) -> Option<String> {
        self.complaint.lock().clone()
    }

    /// Notes that messages of this process were dropped, and has the sender publish a resync.
    pub(super) fn ask_for_resync(&self) {
        self.has_dropped.store(true, Ordering::Release);
        self.wake_sender.notify_one();
    }

    pub(super) fn next_probe(&self) -> u64 {
        self.probes.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) async fn has_returned(&self, probe: u64) {
        // Fails only if the sender was dropped, and `self` owns it.
        let _ = self.returned.subscribe().wait_for(|last| *last >= probe).await;
    }
}

/// Delivers incoming messages. A probe carries the name of the bus that sent it, so that others ignore it.
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

/// Sends queued messages. Only this task waits for the link.
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
            () = link.wake_sender.notified() => {}
        }
        let has_dropped = link.has_dropped.swap(false, Ordering::AcqRel);
        let now = statistics.connects.load(Ordering::Relaxed);
        if has_dropped || now != connections {
            connections = now;
            // A resync covers the messages queued before it.
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
                // This server's limit is below ours.
                Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => link.ask_for_resync(),
                // The client has shut down and does not come back.
                Err(error) => return tracing::error!(%error, "the bus has ended"),
            }
        }
    }
}
