//! Rows and messages of a server, as this program prints its own.

use crate::output::RowWriter;
use crate::progress::Progress;
use crate::session::terminal_log::TerminalLog;
use crate::session::{Ended, unless_unread};
use anyhow::Context as _;
use peregrine_engine::log::{Level, LogSink as _};
use peregrine_engine::prelude::*;
use peregrine_engine::{Context, json};
use peregrine_proto::{VqlRequest, VqlResponse};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Prints what a server sends.
pub(super) struct RemoteRows {
    writer: Box<dyn RowWriter>,
    max_rows: Option<u64>,
    progress: Progress,
    log: Arc<TerminalLog>,
    /// Writers evaluate lazy values in it; rows of a server have none.
    scope: Scope,
    /// The statement that the last rows are of: in which text, and which one there.
    statement: Option<(VqlRequest, u64)>,
    /// The reader (`head`) has closed the output.
    is_unread: bool,
}

impl RemoteRows {
    pub(super) fn new(
        writer: Box<dyn RowWriter>,
        max_rows: Option<u64>,
        progress: &Progress,
        log: &Arc<TerminalLog>,
    ) -> RemoteRows {
        RemoteRows {
            writer,
            max_rows,
            progress: progress.clone(),
            log: Arc::clone(log),
            scope: Scope::root(&Context::builder().build(), Dict::new()),
            statement: None,
            is_unread: false,
        }
    }

    /// Prints a message; anything but [`Ended::Whole`] means that no more is wanted.
    pub(super) fn take(&mut self, message: &VqlResponse) -> anyhow::Result<Ended> {
        if !message.log.is_empty() {
            let (level, text) = Level::split(&message.log);
            self.log.log(level, text);
        }
        if message.response.is_empty() {
            return Ok(Ended::Whole);
        }
        let rows =
            json::parse(message.response.as_bytes()).context("the server sent rows that are not JSON")?;
        let rows = rows
            .as_array()
            .context("the server sent rows that are not a JSON array")?;
        let statement = (message.query.clone().unwrap_or_default(), message.query_id);
        let is_next = message.part == 0 || self.statement.as_ref() != Some(&statement);
        if self.statement.is_some() && is_next {
            let ended = self.writer.end_statement();
            if self.wrote(ended)? == Ended::Unread {
                return Ok(Ended::Unread);
            }
        }
        self.statement = Some(statement);
        for row in rows {
            let so_far = self.progress.rows.load(Ordering::Relaxed);
            if self.max_rows.is_some_and(|limit| so_far >= limit) {
                return Ok(Ended::Cut);
            }
            self.progress.rows.fetch_add(1, Ordering::Relaxed);
            let row = in_order(row, &message.columns);
            let written = self.writer.row(&self.scope, &row);
            if self.wrote(written)? == Ended::Unread {
                return Ok(Ended::Unread);
            }
        }
        Ok(Ended::Whole)
    }

    /// Completes what was printed. An answer without rows is shown as such, unless the query was refused.
    pub(super) fn end(&mut self, is_answered: bool) -> io::Result<()> {
        if self.is_unread {
            return Ok(());
        }
        if is_answered || self.statement.is_some() {
            self.writer.end_statement()?;
        }
        self.writer.end()
    }

    fn wrote(&mut self, written: io::Result<()>) -> anyhow::Result<Ended> {
        let ended = unless_unread(written)?;
        self.is_unread |= ended == Ended::Unread;
        Ok(ended)
    }
}

/// The row with these columns first and in this order; those that it lacks are NULL.
fn in_order(row: &Value, columns: &[String]) -> Row {
    let Value::Dict(dict) = row else {
        return Row::from(row.clone());
    };
    let own = dict.columns();
    let is_in_order = own.len() >= columns.len()
        && own
            .names()
            .iter()
            .zip(columns)
            .all(|(own, column)| own.as_bytes() == column.as_bytes());
    if is_in_order {
        return dict.clone().into_row();
    }
    let named = columns
        .iter()
        .map(|name| (Str::from(name.as_str()), dict.get(name).unwrap_or_default()));
    let others = dict
        .entries()
        .into_iter()
        .filter(|(name, _)| columns.iter().all(|column| column.as_bytes() != name.as_bytes()));
    Row::from_pairs(named.chain(others))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_columns_of_their_batch_in_order() {
        let ordered = |row: &str, columns: &[&str]| {
            let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
            let row = in_order(&json::parse(row.as_bytes()).unwrap(), &columns);
            let mut text = Vec::new();
            let scope = Scope::root(&Context::builder().build(), Dict::new());
            json::write_row(&scope, &row, &mut text);
            String::from_utf8(text).unwrap()
        };
        assert_eq!(ordered(r#"{"a":1,"b":1.5}"#, &["a", "b"]), r#"{"a":1,"b":1.5}"#);
        assert_eq!(ordered(r#"{"b":"x","a":1}"#, &["a", "b"]), r#"{"a":1,"b":"x"}"#);
        assert_eq!(ordered(r#"{"b":[1]}"#, &["a", "b"]), r#"{"a":null,"b":[1]}"#);
        assert_eq!(
            ordered(r#"{"a":1,"c":2}"#, &["a", "b"]),
            r#"{"a":1,"b":null,"c":2}"#
        );
        assert_eq!(ordered(r#"{"a":1,"c":2}"#, &["a"]), r#"{"a":1,"c":2}"#);
        assert_eq!(ordered("1", &["a"]), "{}");
    }
}
