//! Streams stored rows into a query.

use std::sync::Arc;

use peregrine_engine::json;
use peregrine_engine::prelude::*;
use peregrine_services::table::{Cursor, RowSource, SetSource};

use crate::Stored;

/// Compressed bytes read at a time: a few MB of rows.
const READ_AHEAD: usize = 512 << 10;

/// Consecutive rows of a result set.
pub(crate) struct StoredRows {
    stored: Arc<Stored>,
    source: SetSource,
}

impl StoredRows {
    pub(crate) fn of(stored: &Arc<Stored>, source: SetSource) -> StoredRows {
        StoredRows {
            stored: Arc::clone(stored),
            source,
        }
    }

    /// Skips the first `start` rows, and keeps at most `count`.
    pub(crate) fn slice(self, start: u64, count: Option<u64>) -> StoredRows {
        let first = self.source.range().0.saturating_add(start);
        let end = first.saturating_add(count.unwrap_or(u64::MAX));
        StoredRows {
            source: self.source.within((first, end)),
            ..self
        }
    }

    /// Number of rows.
    pub(crate) fn count(&self) -> u64 {
        let (first, end) = self.source.range();
        end.saturating_sub(first)
    }

    /// Streams the rows; fails on the first that is not a JSON object.
    pub(crate) fn each(&self, scope: &Scope, rows: &mut dyn RowSink) -> VqlResult<()> {
        let mut cursor = Cursor::new(&self.source, READ_AHEAD);
        while let Some(batch) = self.stored.wait(cursor.read())? {
            scope.checkpoint()?;
            for line in batch.lines() {
                let row = json::decode_row(line.text)
                    .map_err(|error| format!("stored row {}: {error}", line.number))?;
                rows.push(row)?;
            }
        }
        Ok(())
    }
}
