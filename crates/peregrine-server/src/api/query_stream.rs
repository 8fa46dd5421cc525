//! A query's answer as lines of JSON, between the thread that runs the query and the connection that reads it.

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use peregrine_api::queries::{NextStatement, QueryEnded, QueryLine, QueryMessage, QueryStarted};
use peregrine_engine::log::Level;
use peregrine_engine::{Cancellation, Stop};
use peregrine_server_vql::run::Output;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Bytes that wait to be read before rows have to wait.
const MOST_WAITING: usize = 1 << 20;
/// Bytes that wait to be read before messages are left out.
const MOST_WITH_MESSAGES: usize = 2 * MOST_WAITING;
/// How often a row that waits for room looks whether its query was cancelled.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The end that the query writes to.
pub(super) struct QueryStream(Arc<Pipe>);

/// The end that the connection reads.
pub(super) struct QueryLines(Arc<Pipe>);

#[derive(Default)]
struct Pipe {
    waiting: Mutex<Waiting>,
    /// There is room again, or nobody reads any more.
    has_room: Condvar,
    /// There are lines, or no more will come.
    has_lines: Notify,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    /// Messages for which there was no room.
    left_out: u64,
    is_complete: bool,
    is_unread: bool,
}

impl QueryStream {
    pub(super) fn new() -> (QueryStream, QueryLines) {
        let pipe = Arc::new(Pipe::default());
        (QueryStream(pipe.clone()), QueryLines(pipe))
    }

    /// Adds a line of which there are few.
    fn line(&self, line: &QueryLine) {
        self.0.waiting.lock().add(&encode(line));
        self.0.has_lines.notify_one();
    }
}

impl Waiting {
    fn add(&mut self, line: &[u8]) {
        if !self.is_unread {
            self.lines.extend_from_slice(line);
        }
    }

    fn add_message(&mut self, level: Level, message: String) {
        if self.lines.len() >= MOST_WITH_MESSAGES {
            self.left_out += 1;
            return;
        }
        self.tell_what_is_left_out();
        let level = level.name().to_owned();
        self.add(&encode(&QueryLine::Log(QueryMessage { level, message })));
    }

    fn tell_what_is_left_out(&mut self) {
        if self.left_out > 0 {
            let level = Level::Warn.name().to_owned();
            let message = format!(
                "{} messages are left out, because they were not read in time",
                self.left_out
            );
            self.left_out = 0;
            self.add(&encode(&QueryLine::Log(QueryMessage { level, message })));
        }
    }
}

/// A line with its end.
fn encode(line: &QueryLine) -> Vec<u8> {
    let mut text = serde_json::to_vec(line).unwrap_or_default();
    text.push(b'\n');
    text
}

impl Output for QueryStream {
    fn row(&self, json: &[u8], cancellation: &Cancellation) -> Result<(), Stop> {
        let mut waiting = self.0.waiting.lock();
        while waiting.lines.len() >= MOST_WAITING && !waiting.is_unread {
            self.0.has_room.wait_for(&mut waiting, LOOK_AGAIN);
            if cancellation.is_cancelled() {
                return Err(Stop);
            }
        }
        if waiting.is_unread {
            return Err(Stop);
        }
        for piece in [b"{\"row\":", json, b"}\n"] {
            waiting.add(piece);
        }
        drop(waiting);
        self.0.has_lines.notify_one();
        Ok(())
    }

    fn next(&self, statement: u64) {
        self.line(&QueryLine::Next(NextStatement { statement }));
    }

    fn log(&self, level: Level, text: &str) {
        self.0.waiting.lock().add_message(level, text.to_owned());
        self.0.has_lines.notify_one();
    }

    fn ended(&self, ended: QueryEnded) {
        self.0.waiting.lock().tell_what_is_left_out();
        self.line(&QueryLine::Ended(ended));
    }
}

impl Drop for QueryStream {
    fn drop(&mut self) {
        self.0.waiting.lock().is_complete = true;
        self.0.has_lines.notify_one();
    }
}

impl QueryLines {
    /// Puts the first line before all others.
    pub(super) fn begin(&mut self, query_id: &str) {
        let query_id = query_id.to_owned();
        let line = encode(&QueryLine::Started(QueryStarted { query_id }));
        self.0.waiting.lock().lines.splice(0..0, line);
        self.0.has_lines.notify_one();
    }

    /// The lines that wait; `None` at the end.
    pub(super) async fn read(&mut self) -> Option<Bytes> {
        loop {
            {
                let mut waiting = self.0.waiting.lock();
                if !waiting.lines.is_empty() {
                    let lines = std::mem::take(&mut waiting.lines);
                    self.0.has_room.notify_all();
                    return Some(lines.into());
                }
                if waiting.is_complete {
                    return None;
                }
            }
            self.0.has_lines.notified().await;
        }
    }
}

impl Drop for QueryLines {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock();
        waiting.is_unread = true;
        waiting.lines = Vec::new();
        drop(waiting);
        self.0.has_room.notify_all();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use peregrine_api::queries::QueryEnd;

    #[tokio::test]
    async fn messages_that_nobody_reads_are_counted_and_not_kept() {
        let (output, mut lines) = QueryStream::new();
        let text = "x".repeat(1000);
        for _ in 0..10_000 {
            output.log(Level::Info, &text);
        }
        let ended = QueryEnded {
            reason: QueryEnd::Complete,
            rows: 0,
            message: None,
        };
        output.ended(ended);
        drop(output);
        let read = lines.read().await.unwrap();
        assert!(read.len() < MOST_WITH_MESSAGES + 4096, "{}", read.len());
        let read = String::from_utf8(read.to_vec()).unwrap();
        let kept = read.matches("xxx\"}}\n").count();
        let notice = format!("{} messages are left out", 10_000 - kept);
        let last: Vec<&str> = read.lines().rev().take(2).collect();
        assert!(last[1].contains(&notice) && last[0].contains("ended"), "{last:?}");
        assert_eq!(lines.read().await, None);
    }

    #[tokio::test]
    async fn a_row_that_waits_for_room_ends_with_its_query() {
        let (output, lines) = QueryStream::new();
        let row = vec![b'1'; MOST_WAITING];
        let cancellation = Cancellation::new();
        assert!(output.row(&row, &cancellation).is_ok());
        let other = cancellation.clone();
        let waits = tokio::task::spawn_blocking(move || output.row(b"2", &other));
        cancellation.cancel();
        assert!(waits.await.unwrap().is_err());
        drop(lines);
    }
}
