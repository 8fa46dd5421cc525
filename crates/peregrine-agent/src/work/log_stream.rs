//! The log of a flow: one numbered stream for all its queries.

use crate::state::message::log_line;
use crate::state::message_size::shorten;
use peregrine_proto::{LogMessage, VeloMessage};

/// Lines waiting to be sent, and the number of lines before them.
pub(crate) struct LogStream {
    lines: String,
    waiting: u64,
    sent: u64,
    max_logs: u64,
    is_full: bool,
    /// Number of lines dropped for lack of room.
    dropped: u64,
    /// Number of alerts; they have a limit of their own, so that chatter cannot displace them.
    alerts: u64,
}

/// Longest line in bytes; more is cut.
const LONGEST_LINE: usize = 64 << 10;
/// Bytes that may wait before lines are dropped, so that a log does not fill the memory while the buffer is
/// full. Even the longest line, with six bytes for each character, still fits into the smallest message.
const MAX_WAITING: usize = 3 << 19;

impl LogStream {
    pub(crate) fn new(max_logs: u64) -> LogStream {
        LogStream {
            lines: String::new(),
            waiting: 0,
            sent: 0,
            max_logs,
            is_full: false,
            dropped: 0,
            alerts: 0,
        }
    }

    /// Adds a line. At the limit, one last line says so, and later ones are dropped.
    pub(crate) fn add(&mut self, level: &str, message: &str) -> bool {
        if self.is_full {
            return false;
        }
        if self.sent + self.waiting >= self.max_logs {
            self.is_full = true;
            let notice = format!(
                "maximum of {} log lines reached; further lines of this collection are dropped",
                self.max_logs
            );
            self.append("ERROR", &notice);
            return false;
        }
        if self.lines.len() > MAX_WAITING {
            self.dropped += 1;
            return false;
        }
        self.append(level, message);
        true
    }

    /// Takes the waiting lines, and an alert as a message of its own: servers route it by the level of the message.
    pub(crate) fn take_alert(&mut self, session_id: &str, artifact: &str, text: &str) -> Vec<VeloMessage> {
        if self.alerts >= self.max_logs {
            return Vec::new();
        }
        self.alerts += 1;
        let before = self.take(session_id, artifact);
        self.append("ALERT", text);
        let alert = self.take(session_id, artifact).map(|mut message| {
            if let Some(log) = &mut message.log_message {
                "ALERT".clone_into(&mut log.level);
            }
            message
        });
        before.into_iter().chain(alert).collect()
    }

    fn append(&mut self, level: &str, message: &str) {
        let mut message = message.to_owned();
        shorten(&mut message, LONGEST_LINE);
        self.lines.push_str(&log_line(level, &message));
        self.waiting += 1;
    }

    /// Number of bytes waiting.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.lines.len()
    }

    /// Puts back a message that was taken but could not be sent.
    pub(crate) fn give_back(&mut self, message: VeloMessage) {
        let Some(log) = message.log_message else { return };
        self.lines.insert_str(0, &log.jsonl);
        self.waiting += log.number_of_rows;
        self.sent = self.sent.saturating_sub(log.number_of_rows);
    }

    /// Takes all waiting lines as one message; `None` when there are none.
    pub(crate) fn take(&mut self, session_id: &str, artifact: &str) -> Option<VeloMessage> {
        if self.waiting == 0 {
            return None;
        }
        if self.dropped > 0 {
            let notice = format!(
                "{} log lines are missing: they came faster than they could be kept",
                self.dropped
            );
            self.dropped = 0;
            self.append("ERROR", &notice);
        }
        let message = LogMessage {
            id: i64::try_from(self.sent).unwrap_or(i64::MAX),
            number_of_rows: self.waiting,
            jsonl: std::mem::take(&mut self.lines),
            artifact: artifact.to_owned(),
            ..LogMessage::default()
        };
        self.sent += self.waiting;
        self.waiting = 0;
        Some(VeloMessage {
            session_id: session_id.to_owned(),
            request_id: peregrine_wire::ids::request::LOG,
            log_message: Some(message),
            ..VeloMessage::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_over_batches_and_limited() {
        let mut log = LogStream::new(3);
        log.add("INFO", "one");
        log.add("DEBUG", "two");
        let first = log.take("F.1", "").and_then(|m| m.log_message).unwrap();
        assert_eq!((first.id, first.number_of_rows), (0, 2));
        assert!(log.add("INFO", "three"));
        assert!(!log.add("INFO", "four"));
        assert!(!log.add("INFO", "five"));
        let second = log.take("F.1", "").and_then(|m| m.log_message).unwrap();
        assert_eq!((second.id, second.number_of_rows), (2, 2));
        assert!(second.jsonl.contains("maximum of 3 log lines"));
        assert!(log.take("F.1", "").is_none());
    }

    #[test]
    fn an_alert_is_a_message_of_its_own_even_when_the_log_is_full() {
        let mut log = LogStream::new(2);
        log.add("INFO", "one");
        let messages = log.take_alert("F.1", "A", "fire");
        let logs: Vec<_> = messages.iter().filter_map(|m| m.log_message.as_ref()).collect();
        let shown = |log: &LogMessage| {
            (
                log.id,
                log.number_of_rows,
                log.level.clone(),
                log.artifact.clone(),
            )
        };
        assert_eq!(shown(logs[0]), (0, 1, String::new(), "A".to_owned()));
        assert_eq!(shown(logs[1]), (1, 1, "ALERT".to_owned(), "A".to_owned()));
        assert!(
            logs[1].jsonl.contains(r#""level":"ALERT","message":"fire""#),
            "{}",
            logs[1].jsonl
        );
        assert!(!log.add("INFO", "two"), "the limit counts both");
        let next = log.take_alert("F.1", "", "again");
        assert_eq!(
            next.iter()
                .filter_map(|m| Some(m.log_message.as_ref()?.id))
                .collect::<Vec<_>>(),
            [2, 3]
        );
        assert!(
            log.take_alert("F.1", "", "third").is_empty(),
            "alerts are limited, too"
        );
    }

    #[test]
    fn long_lines_and_floods_are_cut_and_say_so() {
        let mut log = LogStream::new(u64::MAX);
        let line = "\u{1}".repeat(1 << 20);
        while log.add("INFO", &line) {}
        assert!(!log.add("INFO", "no room"));
        let message = log.take("F.1", "").and_then(|m| m.log_message).unwrap();
        assert!(
            message.jsonl.len() < crate::state::message_size::largest(0),
            "{}",
            message.jsonl.len()
        );
        assert!(message.jsonl.contains("cut, 1048576 bytes in all"));
        assert!(message.jsonl.contains("2 log lines are missing"));
        assert_eq!(message.jsonl.lines().count() as u64, message.number_of_rows);
        let rows = message.number_of_rows;
        log.give_back(VeloMessage {
            log_message: Some(message.clone()),
            ..VeloMessage::default()
        });
        assert!(!log.add("INFO", "no room again"));
        let again = log.take("F.1", "").and_then(|m| m.log_message).unwrap();
        assert_eq!((again.id, again.number_of_rows), (0, rows + 1));
        assert!(again.jsonl.starts_with(&message.jsonl) && log.add("INFO", "room again"));
    }
}
