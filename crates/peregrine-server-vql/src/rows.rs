//! Streams stored rows into a query.

use std::sync::Arc;

use peregrine_engine::json;
use peregrine_engine::prelude::*;
use peregrine_services::table::{AuditSource, Cursor, RowSource, SetSource};

use crate::Stored;

/// Compressed bytes read at a time: a few MB of rows.
const READ_AHEAD: usize = 512 << 10;

/// Consecutive stored rows.
pub(crate) struct StoredRows {
    stored: Arc<Stored>,
    source: Source,
}

enum Source {
    Set(SetSource),
    Audit(AuditSource),
}

impl Source {
    fn rows(&self) -> &dyn RowSource {
        match self {
            Source::Set(source) => source,
            Source::Audit(source) => source,
        }
    }

    fn within(self, range: (u64, u64)) -> Source {
        match self {
            Source::Set(source) => Source::Set(source.within(range)),
            Source::Audit(source) => Source::Audit(source.within(range)),
        }
    }
}

impl StoredRows {
    /// Rows of a result set.
    pub(crate) fn of(stored: &Arc<Stored>, source: SetSource) -> StoredRows {
        StoredRows {
            stored: Arc::clone(stored),
            source: Source::Set(source),
        }
    }

    /// Lines of the audit log.
    pub(crate) fn of_audit(stored: &Arc<Stored>, source: AuditSource) -> StoredRows {
        StoredRows {
            stored: Arc::clone(stored),
            source: Source::Audit(source),
        }
    }

    /// Skips the first `start` rows, and keeps at most `count`.
    pub(crate) fn slice(self, start: u64, count: Option<u64>) -> StoredRows {
        let first = self.source.rows().range().0.saturating_add(start);
        let end = first.saturating_add(count.unwrap_or(u64::MAX));
        StoredRows {
            source: self.source.within((first, end)),
            ..self
        }
    }

    /// Number of rows.
    pub(crate) fn count(&self) -> u64 {
        let (first, end) = self.source.rows().range();
        end.saturating_sub(first)
    }

    /// Streams the rows; fails on the first that is not a JSON object.
    pub(crate) fn each(&self, scope: &Scope, rows: &mut dyn RowSink) -> VqlResult<()> {
        let mut cursor = Cursor::new(self.source.rows(), READ_AHEAD);
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
