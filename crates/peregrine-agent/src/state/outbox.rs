//! Everything bound for the server: the buffer on disk, and a small queue in memory for urgent messages.
//!
//! Nothing is lost silently: messages that cannot be stored or delivered are recorded, and the reports of
//! their collection say so.

use crate::state::buffer::{Buffer, BufferError, RECORD_HEAD};
use crate::state::losses::Losses;
use crate::state::message::log_line;
use crate::state::message_queue::{MessageQueue, SendError};
use crate::state::message_size;
use parking_lot::Mutex;
use peregrine_proto::{FileBuffer, LogMessage, Message, MessageList, VeloMessage, VqlRequest, VqlResponse};
use peregrine_wire::{ids, pack};
use std::collections::{HashSet, VecDeque};
use tokio::sync::Notify;

/// Number of cancelled flows remembered; older ones have nothing left in the buffer.
const CANCELLED_KEPT: usize = 1000;

/// Bytes of urgent messages held in memory.
const URGENT_MAX: usize = 10 << 20;

/// Bytes checked at a time when the buffer changes its owner.
const DISOWN_PIECE: usize = 1 << 20;

/// Queues for messages to the server. Cheap to share.
pub(crate) struct Outbox {
    buffer: Buffer,
    /// Size of the largest message.
    largest: usize,
    /// An enrolment request: the only thing a server accepts from an unknown client, so it is sent first, and
    /// alone.
    enrolment: Mutex<Option<Vec<u8>>>,
    urgent: Mutex<VecDeque<Vec<u8>>>,
    /// Final reports that the buffer did not take; they are sent when it is empty.
    late: Mutex<VecDeque<Vec<u8>>>,
    losses: Losses,
    cancelled: Mutex<(HashSet<String>, VecDeque<String>)>,
    /// Notified whenever there is something to send.
    wake: Notify,
}

/// Where a message is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    Enrolment,
    Urgent,
    Buffer,
    Late,
}

/// The messages being sent, and their queue.
pub(crate) struct Outgoing {
    /// Serialised `MessageList`s, one job each.
    pub(crate) lists: Vec<Vec<u8>>,
    pub(crate) from: Queue,
    /// True when the buffer holds nothing else.
    pub(crate) is_all: bool,
}

/// The number of damaged bytes in the buffer. Which collections they belonged to is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Damage(u64);

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} bytes of the agent's buffer were damaged and are lost",
            self.0
        )
    }
}

impl Outbox {
    /// An outbox over an open buffer, for messages up to `largest` bytes.
    #[must_use]
    pub(crate) fn new(buffer: Buffer, largest: usize) -> Outbox {
        Outbox {
            buffer,
            largest,
            enrolment: Mutex::default(),
            urgent: Mutex::default(),
            late: Mutex::default(),
            losses: Losses::default(),
            cancelled: Mutex::default(),
            wake: Notify::new(),
        }
    }

    fn queue(&self, message: VeloMessage, stop: &dyn Fn() -> bool) -> Result<bool, SendError> {
        let message = message_size::fit(message, self.largest).map_err(SendError::TooLarge)?;
        let mut list = Vec::new();
        pack::append(&mut list, &message);
        let is_queued = self.buffer.push(&list, stop)?;
        self.wake.notify_one();
        Ok(is_queued)
    }

    /// Queues a message ahead of everything else, in memory only.
    pub(crate) fn send_urgent(&self, mut message: VeloMessage) {
        self.losses.mark(&mut message);
        if !keep_in_memory(&self.urgent, message, self.largest) {
            tracing::warn!("too many urgent messages wait; one is dropped");
        }
        self.wake.notify_one();
    }

    /// Asks the server to enrol this agent. An older request that is still waiting is replaced.
    pub(crate) fn send_enrolment(&self, request: VeloMessage) {
        *self.enrolment.lock() = Some(pack::batch(vec![request]));
        self.wake.notify_one();
    }

    fn lose(&self, message: &VeloMessage, reason: &str) {
        self.losses.add(message, reason);
        if message.session_id == ids::MONITORING {
            self.tell_of_lost_events(message, reason);
        }
    }

    /// Event queries have no reports, only logs, so their losses go there.
    fn tell_of_lost_events(&self, message: &VeloMessage, reason: &str) {
        let (count, what, artifact) = match (&message.vql_response, &message.log_message) {
            (Some(rows), _) => {
                let artifact = rows.query.as_ref().map(|query| query.name.clone());
                (rows.total_rows, "rows", artifact.unwrap_or_default())
            }
            (None, Some(log)) => (log.number_of_rows, "log lines", log.artifact.clone()),
            (None, None) => return,
        };
        let text = format!("{count} {what} are missing: {reason}");
        self.send_urgent(VeloMessage {
            session_id: message.session_id.clone(),
            request_id: ids::request::LOG,
            log_message: Some(LogMessage {
                number_of_rows: 1,
                jsonl: log_line("ERROR", &text),
                artifact,
                ..LogMessage::default()
            }),
            ..VeloMessage::default()
        });
    }

    /// Drops waiting rows of this flow; its logs and final statistics will be sent.
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

    /// Called when a flow starts: its rows are wanted even if a flow of this name was cancelled before.
    pub(crate) fn renew(&self, session_id: &str) {
        self.losses.forget(session_id);
        let mut cancelled = self.cancelled.lock();
        if cancelled.0.remove(session_id) {
            cancelled.1.retain(|id| id != session_id);
        }
    }

    /// The next messages to send, up to `bytes` or one message, and at most `most` messages; `None` if there
    /// are none.
    pub(crate) fn lease(&self, bytes: usize, most: usize) -> Result<Option<Outgoing>, BufferError> {
        if let Some(request) = self.enrolment.lock().clone() {
            return Ok(Some(Outgoing {
                lists: vec![request],
                from: Queue::Enrolment,
                is_all: false,
            }));
        }
        if let Some(urgent) = lease_from(&self.urgent, Queue::Urgent, bytes, most) {
            return Ok(Some(urgent));
        }
        loop {
            let lease = self.buffer.lease(bytes, most)?;
            if lease.records.is_empty() {
                let late = lease_from(&self.late, Queue::Late, bytes, most);
                return Ok(late.map(|late| self.marked(late)));
            }
            let lists: Vec<Vec<u8>> = lease
                .records
                .into_iter()
                .filter(|list| self.is_wanted(list))
                .collect();
            if !lists.is_empty() {
                return Ok(Some(self.marked(Outgoing {
                    lists,
                    from: Queue::Buffer,
                    is_all: lease.is_all,
                })));
            }
            // There were only rows of cancelled collections.
            self.buffer.commit()?;
        }
    }

    /// Marks reports of collections that lost something.
    fn marked(&self, outgoing: Outgoing) -> Outgoing {
        let lists = outgoing.lists.into_iter();
        Outgoing {
            lists: lists.map(|list| self.losses.mark_list(list)).collect(),
            ..outgoing
        }
    }

    /// Removes what was leased, which has been delivered.
    pub(crate) fn commit(&self, sent: &Outgoing) -> Result<(), BufferError> {
        let queue = match sent.from {
            Queue::Buffer => return self.buffer.commit(),
            Queue::Enrolment => {
                // Keep a request that was made meanwhile.
                let mut waiting = self.enrolment.lock();
                if waiting.as_ref() == sent.lists.first() {
                    *waiting = None;
                }
                return Ok(());
            }
            Queue::Urgent => &self.urgent,
            Queue::Late => &self.late,
        };
        // Only the messages sent: more may have been added meanwhile.
        let mut queue = queue.lock();
        let count = sent.lists.len().min(queue.len());
        queue.drain(..count);
        Ok(())
    }

    /// Makes what was leased, but not delivered, available again.
    pub(crate) fn roll_back(&self, sent: &Outgoing) {
        if sent.from == Queue::Buffer {
            self.buffer.roll_back();
        }
    }

    /// Gives up on what was leased, for this reason, so that later messages can be sent.
    pub(crate) fn set_aside(&self, refused: &Outgoing, reason: &str) -> Result<(), BufferError> {
        for list in &refused.lists {
            let messages = <MessageList as Message>::decode(list.as_slice()).unwrap_or_default();
            for message in &messages.job {
                tracing::error!(
                    flow_id = message.session_id,
                    bytes = list.len(),
                    reason,
                    "a message cannot be delivered and is dropped"
                );
                self.lose(message, &format!("they could not be delivered; {reason}"));
            }
        }
        self.commit(refused)
    }

    /// Waits until there may be something to send.
    pub(crate) async fn wait(&self) {
        self.wake.notified().await;
    }

    /// A description of the damage to the buffer so far.
    pub(crate) fn damage(&self) -> Option<Damage> {
        let bytes = self.buffer.damaged_bytes();
        (bytes > 0).then_some(Damage(bytes))
    }

    /// Number of bytes waiting in the buffer.
    pub(crate) fn pending_bytes(&self) -> u64 {
        self.buffer.pending_bytes()
    }

    /// True when nothing is waiting to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.enrolment.lock().is_none()
            && self.urgent.lock().is_empty()
            && self.late.lock().is_empty()
            && self.pending_bytes() == 0
    }

    /// Drops everything in the buffer except rows of event queries; returns the number of bytes dropped. Rows
    /// that stay are written again at the end before they are removed from the front, so a crash may
    /// duplicate but not lose them.
    pub(crate) fn disown(&self) -> Result<usize, BufferError> {
        let mut left = self.buffer.pending_bytes();
        let mut dropped = 0;
        while left > 0 {
            let lease = self.buffer.lease(DISOWN_PIECE, usize::MAX)?;
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

    /// Makes writers that are waiting for room give up.
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

impl MessageQueue for Outbox {
    fn largest(&self) -> usize {
        self.largest
    }

    fn send(&self, message: VeloMessage, stop: &dyn Fn() -> bool) -> Result<bool, SendError> {
        let summary = summary(&message);
        let outcome = self.queue(message, stop);
        match &outcome {
            Ok(true) => {}
            // Rows of a cancelled collection are no longer wanted; those of events always are.
            Ok(false) if summary.session_id != ids::MONITORING => {}
            Ok(false) => {
                let reason = "the buffer of the agent was full when their query was told to end";
                tracing::warn!(reason, "what event queries found is lost");
                self.lose(&summary, reason);
            }
            Err(error) => self.lose(&summary, &format!("the agent could not keep them; {error}")),
        }
        outcome
    }

    fn send_last(&self, message: VeloMessage) -> bool {
        let copy = message.clone();
        // What the disk does not take waits in memory until everything before it is sent.
        self.queue(message, &|| false).unwrap_or_else(|error| {
            tracing::error!(flow_id = copy.session_id, %error, "the end of a collection could not be buffered");
            let is_queued = keep_in_memory(&self.late, copy, self.largest);
            self.wake.notify_one();
            is_queued
        })
    }
}

/// False when there is no room.
fn keep_in_memory(queue: &Mutex<VecDeque<Vec<u8>>>, message: VeloMessage, largest: usize) -> bool {
    let Ok(message) = message_size::fit(message, largest) else {
        return false;
    };
    let list = pack::batch(vec![message]);
    let mut queue = queue.lock();
    let has_room = queue.iter().map(Vec::len).sum::<usize>() + list.len() <= URGENT_MAX;
    if has_room {
        queue.push_back(list);
    }
    has_room
}

fn lease_from(queue: &Mutex<VecDeque<Vec<u8>>>, from: Queue, bytes: usize, most: usize) -> Option<Outgoing> {
    let queue = queue.lock();
    let mut total = 0;
    let fits = |(at, list): &(usize, &Vec<u8>)| {
        total += list.len();
        *at == 0 || (total <= bytes && *at < most)
    };
    let lists: Vec<Vec<u8>> = queue
        .iter()
        .enumerate()
        .take_while(fits)
        .map(|(_, list)| list.clone())
        .collect();
    (!lists.is_empty()).then_some(Outgoing {
        lists,
        from,
        is_all: false,
    })
}

/// The parts of a message that identify it, without its content, for the note of its loss.
fn summary(message: &VeloMessage) -> VeloMessage {
    let mut summary = VeloMessage {
        session_id: message.session_id.clone(),
        ..VeloMessage::default()
    };
    if let Some(rows) = &message.vql_response {
        summary.vql_response = Some(VqlResponse {
            query: rows.query.as_ref().map(|query| VqlRequest {
                name: query.name.clone(),
                ..VqlRequest::default()
            }),
            total_rows: rows.total_rows,
            ..VqlResponse::default()
        });
    }
    summary.log_message = message.log_message.as_ref().map(|log| LogMessage {
        number_of_rows: log.number_of_rows,
        artifact: log.artifact.clone(),
        ..LogMessage::default()
    });
    summary.file_buffer = message.file_buffer.as_ref().map(|file| FileBuffer {
        data_length: file.data_length,
        ..FileBuffer::default()
    });
    summary
}

fn is_of_event_queries(list: &[u8]) -> bool {
    <MessageList as Message>::decode(list)
        .is_ok_and(|list| list.job.iter().all(|job| job.session_id == ids::MONITORING))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::message::stats_message;
    use peregrine_proto::{FlowStats, VeloStatus, velo_status::ReturnedStatus};
    use std::time::Duration;

    #[test]
    fn on_a_full_disk_the_last_report_says_what_is_missing() {
        let outbox = Outbox::new(Buffer::on_full_disk(Duration::ZERO), 1 << 20);
        let rows = VeloMessage {
            session_id: "F.1".into(),
            vql_response: Some(VqlResponse {
                total_rows: 5,
                ..VqlResponse::default()
            }),
            ..VeloMessage::default()
        };
        assert!(outbox.send(rows, &|| false).is_err());
        let stats = FlowStats {
            query_status: vec![VeloStatus::default()],
            flow_complete: true,
            ..FlowStats::default()
        };
        assert!(outbox.send_last(stats_message("F.1", stats)));
        assert!(!outbox.is_empty());
        let sent = outbox.lease(1 << 20, usize::MAX).unwrap().unwrap();
        let list = <MessageList as Message>::decode(sent.lists[0].as_slice()).unwrap();
        let status = &list.job[0].flow_stats.as_ref().unwrap().query_status[0];
        assert_eq!(status.status(), ReturnedStatus::GenericError);
        assert!(
            status.error_message.starts_with("5 rows") && status.error_message.contains("No space left"),
            "{}",
            status.error_message
        );
        outbox.commit(&sent).unwrap();
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_stranger_asks_to_be_enrolled_and_keeps_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let outbox = Outbox::new(
            Buffer::open(&dir.path().join("buffer"), 1 << 20).unwrap(),
            1 << 20,
        );
        let message = |id: &str| VeloMessage {
            session_id: id.into(),
            ..VeloMessage::default()
        };
        let next = || {
            let sent = outbox.lease(1 << 20, usize::MAX).unwrap().unwrap();
            let list = <MessageList as Message>::decode(sent.lists[0].as_slice()).unwrap();
            (sent, list.job[0].session_id.clone())
        };
        outbox.send_urgent(message("report"));
        outbox.send_enrolment(message("enrol 1"));
        let (first, id) = next();
        assert_eq!(
            (first.from, first.lists.len(), id.as_str()),
            (Queue::Enrolment, 1, "enrol 1")
        );
        // Another request while the first is being sent.
        outbox.send_enrolment(message("enrol 2"));
        outbox.commit(&first).unwrap();
        let (second, id) = next();
        assert_eq!(id, "enrol 2");
        outbox.commit(&second).unwrap();
        let (third, id) = next();
        assert_eq!((third.from, id.as_str()), (Queue::Urgent, "report"));
        outbox.roll_back(&third);
        assert_eq!(next().1, "report");
        outbox.commit(&third).unwrap();
        assert!(outbox.is_empty());
    }

    #[test]
    fn events_that_find_the_buffer_full_when_their_query_ends_are_told_of() {
        let outbox = Outbox::new(Buffer::on_full_disk(Duration::from_secs(3600)), 1 << 20);
        let log = VeloMessage {
            session_id: ids::MONITORING.into(),
            log_message: Some(LogMessage {
                number_of_rows: 7,
                artifact: "Some.Events".into(),
                ..LogMessage::default()
            }),
            ..VeloMessage::default()
        };
        assert!(!outbox.send(log, &|| true).unwrap());
        let sent = outbox.lease(1 << 20, usize::MAX).unwrap().unwrap();
        let list = <MessageList as Message>::decode(sent.lists[0].as_slice()).unwrap();
        let told = list.job[0].log_message.as_ref().unwrap();
        assert_eq!(told.artifact, "Some.Events");
        assert!(
            told.jsonl.contains("7 log lines are missing: the buffer"),
            "{}",
            told.jsonl
        );
        // Rows of a cancelled collection are not wanted.
        let rows = VeloMessage {
            session_id: "F.1".into(),
            vql_response: Some(VqlResponse::default()),
            ..VeloMessage::default()
        };
        outbox.commit(&sent).unwrap();
        assert!(!outbox.send(rows, &|| true).unwrap());
        assert!(outbox.is_empty());
    }

    #[test]
    fn what_is_too_large_is_refused_and_told_of() {
        let dir = tempfile::tempdir().unwrap();
        let outbox = Outbox::new(Buffer::open(&dir.path().join("buffer"), 1 << 20).unwrap(), 1000);
        let rows = VeloMessage {
            session_id: ids::MONITORING.into(),
            vql_response: Some(VqlResponse {
                jsonl_response: "x".repeat(2000),
                total_rows: 1,
                ..VqlResponse::default()
            }),
            ..VeloMessage::default()
        };
        assert!(matches!(
            outbox.send(rows, &|| false),
            Err(SendError::TooLarge(_))
        ));
        let sent = outbox.lease(1 << 20, usize::MAX).unwrap().unwrap();
        assert_eq!(sent.from, Queue::Urgent);
        let list = <MessageList as Message>::decode(sent.lists[0].as_slice()).unwrap();
        let log = list.job[0].log_message.as_ref().unwrap();
        assert!(
            log.jsonl
                .contains("1 rows are missing: the agent could not keep them; a message of"),
            "{}",
            log.jsonl
        );
    }
}
