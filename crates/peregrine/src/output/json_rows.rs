//! JSON: one object per line, or one indented array.

use super::RowWriter;
use peregrine_engine::json;
use peregrine_engine::memory;
use peregrine_engine::prelude::{Row, Scope};
use std::io::{self, BufWriter, Write};
use std::time::{Duration, Instant};

/// Rows are flushed at least this often, even if there are few.
const FLUSH: Duration = Duration::from_millis(200);
/// Maximum bytes of an indented row; nobody reads larger ones, and indenting takes ten times their size.
const MOST_PRETTY: usize = 4 << 20;

/// Memory of the line buffer that is kept for the next line.
const USUAL_LINE: usize = 64 << 10;

/// One object per line.
pub(super) struct JsonLines {
    out: BufWriter<Box<dyn Write + Send>>,
    line: Vec<u8>,
    last_flush: Instant,
}

impl JsonLines {
    pub(super) fn new(out: Box<dyn Write + Send>) -> JsonLines {
        // The first row is shown at once.
        let last_flush = Instant::now().checked_sub(FLUSH).unwrap_or_else(Instant::now);
        JsonLines {
            out: BufWriter::with_capacity(64 << 10, out),
            line: Vec::new(),
            last_flush,
        }
    }
}

impl RowWriter for JsonLines {
    fn row(&mut self, scope: &Scope, row: &Row) -> io::Result<()> {
        let line = &mut self.line;
        line.clear();
        line.shrink_to(USUAL_LINE);
        json::write_row(scope, row, line);
        if memory::has_ended() || line.is_empty() {
            // The query was ended while the row was written, so the row is cut off.
            return Ok(());
        }
        line.push(b'\n');
        self.out.write_all(line)?;
        if self.last_flush.elapsed() >= FLUSH {
            self.out.flush()?;
            self.last_flush = Instant::now();
        }
        Ok(())
    }

    fn end_statement(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// An indented array for each statement.
pub(super) struct JsonArray {
    out: BufWriter<Box<dyn Write + Send>>,
    is_first: bool,
}

impl JsonArray {
    pub(super) fn new(out: Box<dyn Write + Send>) -> JsonArray {
        JsonArray {
            out: BufWriter::new(out),
            is_first: true,
        }
    }
}

impl RowWriter for JsonArray {
    fn row(&mut self, scope: &Scope, row: &Row) -> io::Result<()> {
        let mut text = Vec::new();
        json::write_row(scope, row, &mut text);
        if memory::has_ended() || text.is_empty() {
            return Ok(());
        }
        self.out
            .write_all(if self.is_first { b"[\n " } else { b",\n " })?;
        self.is_first = false;
        // Our own encoder's output is valid; otherwise the unindented form is still right.
        let pretty = Some(&text)
            .filter(|text| text.len() <= MOST_PRETTY)
            .and_then(|text| serde_json::from_slice::<serde_json::Value>(text).ok())
            .and_then(|value| serde_json::to_string_pretty(&value).ok());
        match pretty {
            Some(pretty) => self.out.write_all(pretty.replace('\n', "\n ").as_bytes())?,
            None => self.out.write_all(&text)?,
        }
        self.out.flush()
    }

    fn end_statement(&mut self) -> io::Result<()> {
        self.out
            .write_all(if self.is_first { b"[]\n" } else { b"\n]\n" })?;
        self.is_first = true;
        self.out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
