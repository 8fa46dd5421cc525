//! Sources of rows, and how to stream through them.

use super::Cursor;
use crate::{Error, Result, audit, clock};
use async_trait::async_trait;
use peregrine_api::status::AuditRow;
use peregrine_store::chunk::{Block, Line};
use peregrine_store::{AuditEntry, Database, Micros, ResultSet, SetId, StoredChunk};
use serde_json::Value;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Compressed bytes per read in a scan. One batch is processed while the next is read.
const READ_AHEAD: usize = 512 << 10;

/// A numbered sequence of rows.
#[async_trait]
pub trait RowSource: Send + Sync {
    /// The first row, and one past the last.
    fn range(&self) -> (u64, u64);
    /// Identifies the source in the cache of views.
    fn key(&self) -> String;
    /// Blocks with the rows from `from` on: about `bytes` (compressed), and at least one block as long as there are rows.
    async fn read(&self, from: u64, bytes: usize) -> Result<Vec<Block>>;
}

/// Rows of a result set, or a part of them.
pub struct SetSource {
    database: Arc<dyn Database>,
    /// None: the set is made with its first rows, and has none yet.
    id: Option<SetId>,
    range: (u64, u64),
}

impl SetSource {
    pub fn new(database: Arc<dyn Database>, set: &ResultSet) -> SetSource {
        SetSource {
            database,
            id: Some(set.id),
            range: (set.first_row, set.end_row),
        }
    }

    /// A set that has no rows yet.
    pub fn empty(database: Arc<dyn Database>) -> SetSource {
        SetSource {
            database,
            id: None,
            range: (0, 0),
        }
    }

    /// Only the rows in this range.
    pub fn within(self, range: (u64, u64)) -> SetSource {
        SetSource {
            range: part(self.range, range),
            ..self
        }
    }
}

/// What two ranges have in common; empty, within the first, if they have nothing.
fn part(whole: (u64, u64), wanted: (u64, u64)) -> (u64, u64) {
    let first = wanted.0.max(whole.0);
    (first, wanted.1.min(whole.1).max(first))
}

#[async_trait]
impl RowSource for SetSource {
    fn range(&self) -> (u64, u64) {
        self.range
    }

    fn key(&self) -> String {
        format!("set {:?}", self.id)
    }

    async fn read(&self, from: u64, bytes: usize) -> Result<Vec<Block>> {
        let Some(id) = self.id else { return Ok(Vec::new()) };
        let chunks = self.database.read_chunks(id, from, bytes).await?;
        let unpack = move || chunks.iter().map(StoredChunk::read).collect();
        tokio::task::spawn_blocking(unpack)
            .await
            .map_err(|error| Error::Internal(error.to_string()))
    }
}

/// The audit log.
pub struct AuditSource {
    database: Arc<dyn Database>,
    range: (u64, u64),
    key: &'static str,
    to_row: fn(&AuditEntry) -> serde_json::Result<Vec<u8>>,
}

impl AuditSource {
    /// The log as a table of its own.
    pub async fn open(database: Arc<dyn Database>) -> Result<AuditSource> {
        let end = database.audit_end().await?;
        Ok(AuditSource {
            database,
            range: (0, end.unsigned_abs()),
            key: "audit",
            to_row: |entry| serde_json::to_vec(&audit_row(entry)),
        })
    }

    /// The log as events of the queue `Server.Audit.Logs`, between two times.
    pub async fn events(
        database: Arc<dyn Database>,
        (start, end): (Option<Micros>, Option<Micros>),
    ) -> Result<AuditSource> {
        let range = database.audit_range(start, end).await?;
        Ok(AuditSource {
            database,
            range,
            key: "audit events",
            to_row: |entry| serde_json::to_vec(&audit::event_row(entry)),
        })
    }

    /// Only the rows in this range.
    #[must_use]
    pub fn within(self, range: (u64, u64)) -> AuditSource {
        AuditSource {
            range: part(self.range, range),
            ..self
        }
    }
}

#[async_trait]
impl RowSource for AuditSource {
    fn range(&self) -> (u64, u64) {
        self.range
    }

    fn key(&self) -> String {
        self.key.into()
    }

    async fn read(&self, from: u64, bytes: usize) -> Result<Vec<Block>> {
        let limit = (bytes as u64 / 200).clamp(1, 5000);
        let entries = self
            .database
            .read_audit(i64::try_from(from).unwrap_or(i64::MAX), limit)
            .await?;
        // Entries are numbered from 1 without gaps, as none is ever deleted.
        let Some(first) = entries.first() else {
            return Ok(Vec::new());
        };
        let first_row = first.id.unsigned_abs().saturating_sub(1);
        let mut text = Vec::new();
        for entry in &entries {
            let row = (self.to_row)(entry);
            text.extend(row.map_err(|error| Error::Internal(error.to_string()))?);
            text.push(b'\n');
        }
        Ok(vec![Block::whole(first_row, text)])
    }
}

fn audit_row(entry: &AuditEntry) -> AuditRow {
    AuditRow {
        time: clock::show(entry.time),
        principal: entry.principal.clone(),
        operation: entry.operation.clone(),
        detail: serde_json::from_str(&entry.detail).unwrap_or_else(|_| Value::String(entry.detail.clone())),
        ip: entry.ip.clone(),
    }
}

/// Streams all rows through `work`, outside the async threads, until it breaks. Dropping the future stops the scan.
pub async fn scan<S: Send + 'static>(
    source: &dyn RowSource,
    mut state: S,
    work: impl Fn(&mut S, Line<'_>) -> ControlFlow<()> + Send + Sync + 'static,
) -> Result<S> {
    let work = Arc::new(work);
    let mut cursor = Cursor::new(source, READ_AHEAD);
    let mut next = cursor.read().await?;
    while let Some(batch) = next {
        let work = work.clone();
        let pass = tokio::task::spawn_blocking(move || {
            let is_done = batch.lines().any(|line| work(&mut state, line).is_break());
            (state, is_done)
        });
        // Reads the next rows meanwhile, which may have to come from a bucket.
        let (passed, read) = tokio::join!(pass, cursor.read());
        let is_done;
        (state, is_done) = passed.map_err(|error| Error::Internal(error.to_string()))?;
        if is_done {
            break;
        }
        next = read?;
    }
    Ok(state)
}
