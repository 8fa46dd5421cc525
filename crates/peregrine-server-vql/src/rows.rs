//! Streams stored rows into a query.

use std::sync::Arc;

use peregrine_engine::json;
use peregrine_engine::prelude::*;
use peregrine_services::table::{AuditSource, Cursor, HuntRows, RowSource, SetSource};

use crate::Stored;

/// Compressed bytes read at a time: a few MB of rows.
const READ_AHEAD: usize = 512 << 10;

/// Consecutive stored rows.
pub(crate) struct StoredRows {
    stored: Arc<Stored>,
    source: Box<dyn RowSource>,
    range: (u64, u64),
    is_of_hunt: bool,
}

impl StoredRows {
    /// Rows of a result set.
    pub(crate) fn of(stored: &Arc<Stored>, source: SetSource) -> StoredRows {
        StoredRows {
            stored: Arc::clone(stored),
            range: source.range(),
            source: Box::new(source),
            is_of_hunt: false,
        }
    }

    /// Lines of the audit log.
    pub(crate) fn of_audit(stored: &Arc<Stored>, source: AuditSource) -> StoredRows {
        StoredRows {
            stored: Arc::clone(stored),
            range: source.range(),
            source: Box::new(source),
            is_of_hunt: false,
        }
    }

    /// Rows of a hunt, which say where they are from.
    pub(crate) fn of_hunt(stored: &Arc<Stored>, source: HuntRows) -> StoredRows {
        StoredRows {
            stored: Arc::clone(stored),
            range: source.range(),
            source: Box::new(source),
            is_of_hunt: true,
        }
    }

    /// Skips the first `start` rows, and keeps at most `count`.
    pub(crate) fn slice(self, start: u64, count: Option<u64>) -> StoredRows {
        let first = self.range.0.saturating_add(start).min(self.range.1);
        let end = first.saturating_add(count.unwrap_or(u64::MAX));
        StoredRows {
            range: (first, end.min(self.range.1)),
            ..self
        }
    }

    /// Number of rows.
    pub(crate) fn count(&self) -> u64 {
        self.range.1.saturating_sub(self.range.0)
    }

    /// Streams the rows; fails on the first that is not a JSON object.
    pub(crate) fn each(&self, scope: &Scope, rows: &mut dyn RowSink) -> VqlResult<()> {
        let mut cursor = Cursor::new(&*self.source, READ_AHEAD).within(self.range);
        while let Some(batch) = self.stored.wait(cursor.read())? {
            scope.checkpoint()?;
            for line in batch.lines() {
                let row = json::decode_row(line.text)
                    .map_err(|error| format!("stored row {}: {error}", line.number))?;
                rows.push(if self.is_of_hunt { with_org(&row) } else { row })?;
            }
        }
        Ok(())
    }
}

/// A row of a hunt with its organisation, in the order that existing queries expect: `FlowId`, `ClientId`, `_OrgId`, `Fqdn`.
fn with_org(row: &Row) -> Row {
    let is = |entry: &(Str, Value), name: &str| entry.0 == *name;
    let mut entries = row.entries();
    entries.retain(|entry| !is(entry, "_OrgId"));
    let before = entries.iter().position(|entry| is(entry, "Fqdn"));
    let before = before.unwrap_or(entries.len());
    entries.insert(before, ("_OrgId".into(), Value::from("root")));
    Row::from_pairs(entries)
}
