//! The log of a flow: one numbered stream, whichever of its queries speaks.

use peregrine_proto::{LogMessage, VeloMessage};
use std::time::{SystemTime, UNIX_EPOCH};

/// Lines that wait to be sent, and how many there were before.
pub(crate) struct LogStream {
    lines: String,
    waiting: u64,
    sent: u64,
    max_logs: u64,
    is_full: bool,
}

impl LogStream {
    pub(crate) fn new(max_logs: u64) -> LogStream {
        LogStream {
            lines: String::new(),
            waiting: 0,
            sent: 0,
            max_logs,
            is_full: false,
        }
    }

    /// Adds a line. At the limit one last line says so, and the rest is dropped.
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
        self.append(level, message);
        true
    }

    fn append(&mut self, level: &str, message: &str) {
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let line = serde_json::json!({ "client_time": seconds, "level": level, "message": message });
        self.lines.push_str(&line.to_string());
        self.lines.push('\n');
        self.waiting += 1;
    }

    /// Bytes that wait.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.lines.len()
    }

    /// The message with all waiting lines; `None` when there are none.
    pub(crate) fn take(&mut self, session_id: &str, artifact: &str) -> Option<VeloMessage> {
        if self.waiting == 0 {
            return None;
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
}
