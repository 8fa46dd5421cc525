//! Sinks that stop a query once it has produced enough. Time is bounded by [`crate::Cancellation`].

use crate::json::Encoder;
use crate::query::{RowSink, Stop};
use crate::scope::Scope;
use crate::value::Row;

/// Passes a number of rows on, then stops the query.
pub struct RowLimit<'a> {
    rows: &'a mut dyn RowSink,
    left: u64,
    exceeded: bool,
}

impl<'a> RowLimit<'a> {
    /// At most `limit` rows.
    pub fn new(rows: &'a mut dyn RowSink, limit: u64) -> RowLimit<'a> {
        RowLimit {
            rows,
            left: limit,
            exceeded: false,
        }
    }

    /// True when a row beyond the limit was pushed.
    #[must_use]
    pub fn is_exceeded(&self) -> bool {
        self.exceeded
    }
}

impl RowSink for RowLimit<'_> {
    fn push(&mut self, row: Row) -> Result<(), Stop> {
        let Some(left) = self.left.checked_sub(1) else {
            self.exceeded = true;
            return Err(Stop);
        };
        self.left = left;
        self.rows.push(row)
    }
}

/// Passes rows on until their JSON would exceed a number of bytes, then stops the query.
pub struct ByteLimit<'a> {
    rows: &'a mut dyn RowSink,
    encoder: Encoder<'a>,
    buffer: Vec<u8>,
    left: u64,
    exceeded: bool,
}

impl<'a> ByteLimit<'a> {
    /// At most `limit` bytes of JSON lines.
    pub fn new(rows: &'a mut dyn RowSink, scope: &'a Scope, limit: u64) -> ByteLimit<'a> {
        ByteLimit {
            rows,
            encoder: Encoder::new(scope),
            buffer: Vec::new(),
            left: limit,
            exceeded: false,
        }
    }

    /// True when a row beyond the limit was pushed.
    #[must_use]
    pub fn is_exceeded(&self) -> bool {
        self.exceeded
    }
}

impl RowSink for ByteLimit<'_> {
    fn push(&mut self, row: Row) -> Result<(), Stop> {
        self.buffer.clear();
        self.encoder.row(&row, &mut self.buffer);
        if self.buffer.is_empty() {
            // The query ends.
            return Err(Stop);
        }
        let Some(left) = self.left.checked_sub(self.buffer.len() as u64 + 1) else {
            self.exceeded = true;
            return Err(Stop);
        };
        self.left = left;
        self.rows.push(row)
    }
}
