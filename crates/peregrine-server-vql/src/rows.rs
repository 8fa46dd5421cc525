//! Stored rows, as rows of a query.

use std::sync::Arc;

use peregrine_engine::json;
use peregrine_engine::prelude::*;
use peregrine_store::ResultSet;
use peregrine_store::chunk::Block;

use crate::Stored;

/// Compressed bytes read at a time: a few MB of rows.
const READ_AHEAD: usize = 512 << 10;

/// Consecutive rows of a result set.
pub(crate) struct StoredRows {
    stored: Arc<Stored>,
    set: i64,
    first: u64,
    end: u64,
}

impl StoredRows {
    /// All rows of a set that are still kept.
    pub(crate) fn of(stored: &Arc<Stored>, set: &ResultSet) -> StoredRows {
        StoredRows {
            stored: Arc::clone(stored),
            set: set.id,
            first: set.first_row,
            end: set.end_row,
        }
    }

    /// Only the rows with these numbers.
    pub(crate) fn within(self, (first, end): (u64, u64)) -> StoredRows {
        let first = first.max(self.first);
        StoredRows {
            end: end.min(self.end).max(first),
            first,
            ..self
        }
    }

    /// Without the first `start` rows, and at most `count`.
    pub(crate) fn slice(self, start: u64, count: Option<u64>) -> StoredRows {
        let first = self.first.saturating_add(start);
        self.within((first, first.saturating_add(count.unwrap_or(u64::MAX))))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.end.saturating_sub(self.first)
    }

    /// Streams them.
    pub(crate) fn each(&self, scope: &Scope, rows: &mut dyn RowSink) -> VqlResult<()> {
        let mut next = self.first;
        while next < self.end {
            scope.checkpoint()?;
            let database = &self.stored.database;
            let chunks = self
                .stored
                .wait(database.read_chunks(self.set, next, READ_AHEAD))?;
            let before = next;
            for stored in chunks {
                // Of rows that cannot be read one row remains, which says so.
                let block = Block::read(stored.first_row, &stored.chunk);
                for line in block.lines_from(next) {
                    let number = line.number;
                    if number >= self.end {
                        return Ok(());
                    }
                    let row = json::decode_row(line.text)
                        .map_err(|error| format!("stored row {number}: {error}"))?;
                    rows.push(row)?;
                }
                next = next.max(block.end_row());
            }
            if next == before {
                // Deleted meanwhile.
                return Ok(());
            }
        }
        Ok(())
    }
}
