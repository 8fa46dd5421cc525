//! A query's answer as lines of JSON.

use crate::query_pipe::{Next, QueryReader, QueryWriter, Unread};
use bytes::Bytes;
use peregrine_api::queries::{NextStatement, QueryEnded, QueryLine, QueryMessage, QueryStarted};
use peregrine_engine::log::Level;
use peregrine_engine::{Cancellation, Stop};
use peregrine_server_vql::run::{Output, OutputRow};

/// Lines that wait to be read.
#[derive(Default)]
pub(super) struct QueryLines(Vec<u8>);

impl QueryLines {
    fn add(&mut self, line: &QueryLine) {
        self.0.extend(encode(line));
    }
}

impl Unread for QueryLines {
    type Piece = Bytes;

    fn bytes(&self) -> usize {
        self.0.len()
    }

    fn add_message(&mut self, level: Level, text: &str) {
        self.add(&QueryLine::Log(QueryMessage {
            level: level.name().to_owned(),
            message: text.to_owned(),
        }));
    }

    fn take(&mut self, _is_complete: bool) -> Next<Bytes> {
        match std::mem::take(&mut self.0) {
            lines if lines.is_empty() => Next::Nothing,
            lines => Next::Piece(lines.into()),
        }
    }

    fn clear(&mut self) {
        self.0 = Vec::new();
    }
}

/// A line with its end.
fn encode(line: &QueryLine) -> Vec<u8> {
    let mut text = serde_json::to_vec(line).unwrap_or_default();
    text.push(b'\n');
    text
}

impl Output for QueryWriter<QueryLines> {
    fn row(&self, row: &OutputRow<'_>, cancellation: &Cancellation) -> Result<(), Stop> {
        self.add_when_there_is_room(cancellation, |lines| {
            for piece in [b"{\"row\":", row.json, b"}\n"] {
                lines.0.extend_from_slice(piece);
            }
        })
    }

    fn next(&self, statement: u64) {
        self.add(|lines| lines.add(&QueryLine::Next(NextStatement { statement })));
    }

    fn log(&self, level: Level, text: &str) {
        self.add_message(level, text);
    }

    fn ended(&self, ended: QueryEnded) {
        self.end(|lines| lines.add(&QueryLine::Ended(ended)));
    }
}

impl QueryReader<QueryLines> {
    /// Puts the first line before all others.
    pub(super) fn begin(&mut self, query_id: &str) {
        let query_id = query_id.to_owned();
        let line = encode(&QueryLine::Started(QueryStarted { query_id }));
        self.change(|lines| {
            lines.0.splice(0..0, line);
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::query_pipe::{MOST_WAITING, query_pipe};
    use peregrine_api::queries::QueryEnd;
    use peregrine_engine::prelude::Columns;

    #[tokio::test]
    async fn messages_that_nobody_reads_are_counted_and_not_kept() {
        let (output, mut lines) = query_pipe(QueryLines::default());
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
        assert!(read.len() < 2 * MOST_WAITING + 4096, "{}", read.len());
        let read = String::from_utf8(read.to_vec()).unwrap();
        let kept = read.matches("xxx\"}}\n").count();
        let notice = format!("{} messages are left out", 10_000 - kept);
        let last: Vec<&str> = read.lines().rev().take(2).collect();
        assert!(last[1].contains(&notice) && last[0].contains("ended"), "{last:?}");
        assert_eq!(lines.read().await, None);
    }

    #[tokio::test]
    async fn a_row_that_waits_for_room_ends_with_its_query() {
        let (output, lines) = query_pipe(QueryLines::default());
        let cancellation = Cancellation::new();
        let row = |json: &[u8], output: &dyn Output, cancellation: &Cancellation| {
            let columns = &Columns::empty();
            output.row(&OutputRow { json, columns }, cancellation)
        };
        assert!(row(&[b'1'; MOST_WAITING], &output, &cancellation).is_ok());
        let other = cancellation.clone();
        let waits = tokio::task::spawn_blocking(move || row(b"2", &output, &other));
        cancellation.cancel();
        assert!(waits.await.unwrap().is_err());
        drop(lines);
    }
}
