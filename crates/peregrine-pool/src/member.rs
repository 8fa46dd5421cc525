//! One agent: its identity, what it has to send, and the collections it runs.

use crate::core::Core;
use crate::queue::Queue;
use crate::talk;
use crate::work::Flows;
use parking_lot::Mutex;
use peregrine_agent::HostFacts;
use peregrine_agent::parts::{MessageQueue, SendError, fit_message, largest_message};
use peregrine_proto::VeloMessage;
use peregrine_wire::{Decoder, Encoder, PrivateKey, ids, pack};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

/// Servers an agent remembers sessions with.
const PEERS: usize = 2;

/// An agent of the pool. There are thousands, so it keeps as little as possible while it waits.
pub(crate) struct Member {
    /// Its place in the pool, counted from 0.
    pub(crate) index: usize,
    pub(crate) key: Arc<PrivateKey>,
    pub(crate) tls: TlsConnector,
    pub(crate) encoder: Encoder,
    pub(crate) decoder: Decoder,
    pub(crate) queue: Queue,
    /// Notified when there is more to send.
    pub(crate) added: Notify,
    pub(crate) is_sending: AtomicBool,
    /// Index of the server in use.
    pub(crate) server: AtomicUsize,
    /// The version of its event table.
    pub(crate) table_version: AtomicU64,
    pub(crate) flows: Mutex<Flows>,
    pub(crate) last_enrolment: Mutex<Option<Instant>>,
    /// True once the server has accepted it.
    pub(crate) is_enrolled: AtomicBool,
}

impl Member {
    pub(crate) fn new(index: usize, key: PrivateKey, tls: TlsConnector) -> Member {
        let (id, key) = (ids::client_id(key.public()), Arc::new(key));
        Member {
            index,
            encoder: Encoder::new(id.as_str(), Arc::clone(&key), PEERS),
            decoder: Decoder::new(Arc::clone(&key), PEERS),
            key,
            tls,
            queue: Queue::default(),
            added: Notify::new(),
            is_sending: AtomicBool::new(false),
            server: AtomicUsize::new(0),
            table_version: AtomicU64::new(0),
            flows: Mutex::default(),
            last_enrolment: Mutex::default(),
            is_enrolled: AtomicBool::new(false),
        }
    }

    /// Its host name.
    pub(crate) fn name(&self) -> String {
        format!("pool-{:05}", self.index + 1)
    }

    /// What it says about its machine.
    pub(crate) fn facts(&self, machine: &HostFacts) -> HostFacts {
        HostFacts {
            hostname: self.name(),
            fqdn: self.name(),
            ..machine.clone()
        }
    }

    /// Sends what waits. The task that does so exists only while there is something.
    pub(crate) fn wake(self: &Arc<Self>, core: &Arc<Core>) {
        if self.is_sending.swap(true, Ordering::AcqRel) {
            self.added.notify_one();
        } else {
            core.runtime.spawn(talk::send(Arc::clone(core), Arc::clone(self)));
        }
    }
}

/// Where the collections of an agent put their messages.
pub(crate) struct Outlet {
    pub(crate) core: Arc<Core>,
    pub(crate) member: Arc<Member>,
}

impl Outlet {
    fn batch(&self, message: VeloMessage) -> Result<Vec<u8>, SendError> {
        let message = fit_message(message, self.largest()).map_err(SendError::TooLarge)?;
        let mut batch = Vec::new();
        pack::append(&mut batch, &message);
        Ok(batch)
    }

    /// Queues a message without waiting for room; ahead of all others if it is urgent.
    pub(crate) fn send_now(&self, message: VeloMessage, is_urgent: bool) -> Result<(), SendError> {
        let batch = self.batch(message)?;
        self.member.queue.push_now(batch, is_urgent, &self.core.budget);
        self.member.wake(&self.core);
        Ok(())
    }
}

impl MessageQueue for Outlet {
    fn largest(&self) -> usize {
        largest_message(self.core.net.config.max_upload_size)
    }

    fn send(&self, message: VeloMessage, stop: &dyn Fn() -> bool) -> Result<bool, SendError> {
        let rows = message.vql_response.as_ref().map(|rows| rows.total_rows);
        let session_id = message.session_id.clone();
        let batch = self.batch(message)?;
        let rows_of = rows.is_some().then_some(session_id.as_str());
        let stop = || stop() || self.core.is_over.load(Ordering::Relaxed);
        let (queue, budget) = (&self.member.queue, &self.core.budget);
        let is_queued = queue.push(batch, rows.unwrap_or(0), rows_of, budget, &stop);
        self.member.wake(&self.core);
        Ok(is_queued)
    }

    fn send_last(&self, message: VeloMessage) -> bool {
        self.send_now(message, false).is_ok()
    }
}
