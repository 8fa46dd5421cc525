//! The one place that writes the audit log.

use crate::Core;
use crate::{Result, clock};
use parking_lot::Mutex;
use peregrine_store::AuditEntry;
use serde_json::Value;
use std::collections::VecDeque;

/// Lines kept while they cannot be written.
const MAX_KEPT: usize = 1000;

/// Lines that could not be written because the disk is full.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<VecDeque<AuditEntry>>);

/// What becomes of a line that cannot be written now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnFullDisk {
    /// The act fails.
    Refuse,
    /// It is written when there is room, and stands in the log of the program at once: for acts that must be possible
    /// on a full disk, as they end that.
    Keep,
}

/// Records an act, durably, before it is answered.
pub async fn record(core: &Core, principal: &str, ip: &str, operation: &str, detail: Value) -> Result<()> {
    append(core, entry(principal, ip, operation, &detail), OnFullDisk::Refuse).await
}

/// Writes a line down.
pub(crate) async fn append(core: &Core, entry: AuditEntry, on_full_disk: OnFullDisk) -> Result<()> {
    let written = core.storage.database.append_audit(entry.clone()).await;
    match written {
        Err(error) if error.is_temporary() && on_full_disk == OnFullDisk::Keep => {
            let operation = &entry.operation;
            tracing::warn!(%error, operation, "a line of the audit log is kept in memory until it can be written");
            let mut kept = core.kept_audit.0.lock();
            if kept.len() < MAX_KEPT {
                kept.push_back(entry);
            }
            Ok(())
        }
        written => Ok(written?),
    }
}

/// Writes the lines that could not be written before.
pub(crate) async fn write_kept(core: &Core) {
    loop {
        let Some(entry) = core.kept_audit.0.lock().pop_front() else {
            return;
        };
        if core.storage.database.append_audit(entry.clone()).await.is_err() {
            core.kept_audit.0.lock().push_front(entry);
            return;
        }
    }
}

/// A line as of now; it stands in the log of the program, too.
pub(crate) fn entry(principal: &str, ip: &str, operation: &str, detail: &Value) -> AuditEntry {
    tracing::info!(principal, operation, %detail, "audit");
    AuditEntry {
        id: 0,
        time: clock::now(),
        principal: principal.to_owned(),
        operation: operation.to_owned(),
        detail: detail.to_string(),
        ip: ip.to_owned(),
    }
}
