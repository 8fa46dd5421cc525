//! Everything bound for the server: the buffer on disk, and a small queue in memory for what is urgent.

use crate::buffer::{Buffer, BufferError, RECORD_HEAD};
use parking_lot::Mutex;
use peregrine_proto::{Message, MessageList, VeloMessage};
use peregrine_wire::pack;
use std::collections::{HashSet, VecDeque};
use tokio::sync::Notify;

/// Cancelled flows that are remembered; older ones have nothing left in the buffer.
const CANCELLED_KEPT: usize = 1000;

/// Bytes of urgent messages held in memory.
const URGENT_MAX: usize = 10 << 20;

/// Bytes looked at in one go when the buffer changes its owner.
const DISOWN_PIECE: usize = 1 << 20;

/// The way out. Cheap to share.
pub(crate) struct Outbox {
    buffer: Buffer,
    urgent: Mutex<VecDeque<Vec<u8>>>,
    cancelled: Mutex<(HashSet<String>, VecDeque<String>)>,
    /// Told whenever there is something to send.
    wake: Notify,
}

/// What is being sent, and from which queue it came.
pub(crate) struct Outgoing {
    /// Serialised `MessageList`s, one job each.
    pub(crate) lists: Vec<Vec<u8>>,
    /// From the urgent queue.
    pub(crate) is_urgent: bool,
    /// The buffer holds nothing beyond this.
    pub(crate) is_all: bool,
}

impl Outbox {
    /// An outbox over an open buffer.
    #[must_use]
    pub(crate) fn new(buffer: Buffer) -> Outbox {
        Outbox {
            buffer,
            urgent: Mutex::default(),
            cancelled: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// Queues a message. Waits while the buffer is full; gives up, with `false`, when `stop` says so or the agent ends.
    pub(crate) fn send(&self, message: VeloMessage, stop: &dyn Fn() -> bool) -> Result<bool, BufferError> {
        let is_queued = self.buffer.push(&pack::batch(vec![message]), stop)?;
        self.wake.notify_one();
        Ok(is_queued)
    }

    /// Queues a message ahead of everything else, in memory only.
    pub(crate) fn send_urgent(&self, message: VeloMessage) {
        let list = pack::batch(vec![message]);
        {
            let mut urgent = self.urgent.lock();
            if urgent.iter().map(Vec::len).sum::<usize>() + list.len() > URGENT_MAX {
                tracing::warn!("too many urgent messages wait; one is dropped");
                return;
            }
            urgent.push_back(list);
        }
        self.wake.notify_one();
    }

    /// Rows of this flow that still wait will not be sent; its logs and final statistics will.
    pub(crate) fn cancel(&self, session_id: &str) {
        let mut cancelled = self.cancelled.lock();
        if cancelled.0.insert(session_id.to_owned()) {
            cancelled.1.push_back(session_id.to_owned());
        }
        if cancelled.1.len() > CANCELLED_KEPT
            && let Some(oldest) = cancelled.1.pop_front()
        {
            cancelled.0.remove(&oldest);
        }
    }

    /// A flow of this name starts: its rows are wanted, whatever was cancelled before.
    pub(crate) fn renew(&self, session_id: &str) {
        let mut cancelled = self.cancelled.lock();
        if cancelled.0.remove(session_id) {
            cancelled.1.retain(|id| id != session_id);
        }
    }

    /// What to send next, up to about `bytes`; `None` when there is nothing.
    pub(crate) fn lease(&self, bytes: usize) -> Result<Option<Outgoing>, BufferError> {
        {
            let urgent = self.urgent.lock();
            if !urgent.is_empty() {
                return Ok(Some(Outgoing {
                    lists: urgent.iter().cloned().collect(),
                    is_urgent: true,
                    is_all: false,
                }));
            }
        }
        loop {
            let lease = self.buffer.lease(bytes)?;
            if lease.records.is_empty() {
                return Ok(None);
            }
            let lists: Vec<Vec<u8>> = lease
                .records
                .into_iter()
                .filter(|list| self.is_wanted(list))
                .collect();
            if !lists.is_empty() {
                return Ok(Some(Outgoing {
                    lists,
                    is_urgent: false,
                    is_all: lease.is_all,
                }));
            }
            // Nothing but rows of cancelled collections.
            self.buffer.commit()?;
        }
    }

    /// What was leased has arrived.
    pub(crate) fn commit(&self, sent: &Outgoing) -> Result<(), BufferError> {
        if sent.is_urgent {
            // Only what was sent: more may have come meanwhile.
            let mut urgent = self.urgent.lock();
            let count = sent.lists.len().min(urgent.len());
            urgent.drain(..count);
            return Ok(());
        }
        self.buffer.commit()
    }

    /// What was leased has not arrived, and will be handed out again.
    pub(crate) fn roll_back(&self, sent: &Outgoing) {
        if !sent.is_urgent {
            self.buffer.roll_back();
        }
    }

    /// Waits until there may be something to send.
    pub(crate) async fn wait(&self) {
        self.wake.notified().await;
    }

    /// Bytes waiting in the buffer.
    pub(crate) fn pending_bytes(&self) -> u64 {
        self.buffer.pending_bytes()
    }

    /// Nothing waits to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.urgent.lock().is_empty() && self.pending_bytes() == 0
    }

    /// Drops what waits in the buffer but for rows of event queries; gives how many bytes that were. Those that stay are
    /// written again at the end before they are taken from the front, so a crash may double but not lose them.
    pub(crate) fn disown(&self) -> Result<usize, BufferError> {
        let mut left = self.buffer.pending_bytes();
        let mut dropped = 0;
        while left > 0 {
            let lease = self.buffer.lease(DISOWN_PIECE)?;
            if lease.records.is_empty() {
                break;
            }
            for record in lease.records {
                left = left.saturating_sub(record.len() as u64 + RECORD_HEAD);
                let stays = is_of_event_queries(&record) && self.buffer.push(&record, &|| true)?;
                if !stays {
                    dropped += record.len();
                }
            }
            self.buffer.commit()?;
        }
        Ok(dropped)
    }

    /// Writers that wait for room give up.
    pub(crate) fn close(&self) {
        self.buffer.close();
        self.wake.notify_one();
    }

    fn is_wanted(&self, list: &[u8]) -> bool {
        let cancelled = self.cancelled.lock();
        if cancelled.0.is_empty() {
            return true;
        }
        let Ok(list) = <MessageList as Message>::decode(list) else {
            return false;
        };
        list.job.iter().any(|job| {
            !cancelled.0.contains(&job.session_id) || job.log_message.is_some() || job.flow_stats.is_some()
        })
    }
}

fn is_of_event_queries(list: &[u8]) -> bool {
    <MessageList as Message>::decode(list).is_ok_and(|list| {
        list.job
            .iter()
            .all(|job| job.session_id == crate::monitoring::SESSION)
    })
}
