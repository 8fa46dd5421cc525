//! A query's answer as lines of JSON, between the thread that runs the query and the connection that reads it.

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use peregrine_api::queries::{NextStatement, QueryEnded, QueryLine, QueryMessage, QueryStarted};
use peregrine_engine::Stop;
use peregrine_engine::log::Level;
use peregrine_server_vql::run::Output;
use std::sync::Arc;
use tokio::sync::Notify;

/// Bytes that wait to be read before the query has to wait.
const MOST_WAITING: usize = 1 << 20;

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
    is_complete: bool,
    is_unread: bool,
}

impl QueryStream {
    pub(super) fn new() -> (QueryStream, QueryLines) {
        let pipe = Arc::new(Pipe::default());
        (QueryStream(pipe.clone()), QueryLines(pipe))
    }

    fn line(&self, line: &QueryLine) {
        if let Ok(text) = serde_json::to_vec(line) {
            // Few and short, so they need not wait for room.
            self.0.waiting.lock().add(&[&text, b"\n"]);
            self.0.has_lines.notify_one();
        }
    }
}

impl Waiting {
    fn add(&mut self, pieces: &[&[u8]]) {
        if !self.is_unread {
            pieces
                .iter()
                .for_each(|piece| self.lines.extend_from_slice(piece));
        }
    }
}

impl Output for QueryStream {
    fn row(&self, json: &[u8]) -> Result<(), Stop> {
        let mut waiting = self.0.waiting.lock();
        while waiting.lines.len() >= MOST_WAITING && !waiting.is_unread {
            self.0.has_room.wait(&mut waiting);
        }
        if waiting.is_unread {
            return Err(Stop);
        }
        waiting.add(&[b"{\"row\":", json, b"}\n"]);
        drop(waiting);
        self.0.has_lines.notify_one();
        Ok(())
    }

    fn next(&self, statement: u64) {
        self.line(&QueryLine::Next(NextStatement { statement }));
    }

    fn log(&self, level: Level, text: &str) {
        let (level, message) = (level.name().to_owned(), text.to_owned());
        self.line(&QueryLine::Log(QueryMessage { level, message }));
    }

    fn ended(&self, ended: QueryEnded) {
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
        let line = QueryLine::Started(QueryStarted { query_id });
        let mut text = serde_json::to_vec(&line).unwrap_or_default();
        text.push(b'\n');
        self.0.waiting.lock().lines.splice(0..0, text);
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
