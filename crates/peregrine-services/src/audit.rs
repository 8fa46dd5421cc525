//! Writing to the audit log. Only [`Accounts`](crate::users::Accounts), which works without a [`Core`], writes there directly.

use crate::Core;
use crate::{Result, clock, events};
use parking_lot::Mutex;
use peregrine_store::AuditEntry;
use serde_json::{Value, json};
use std::collections::VecDeque;

/// The queue in which the log can be watched, and under which it can be read as events of the server. It is not stored a second
/// time.
pub const QUEUE: &str = "Server.Audit.Logs";
/// Audit lines kept in memory while the database cannot take them; further ones are only in the program's log.
const MAX_KEPT: usize = 1000;

/// Lines waiting to be written after a temporary failure of the database, such as a full disk.
#[derive(Debug, Default)]
pub(crate) struct KeptEntries(Mutex<VecDeque<AuditEntry>>);

/// What to do with a line that cannot be written now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnTemporaryError {
    /// The operation fails.
    Refuse,
    /// Write it once the database takes it again; it is in the program's log right away. For operations that must work on a
    /// full disk because they are how somebody frees space.
    Keep,
}

/// Records an operation. The entry is durable when this returns, so callers await it before they answer.
pub async fn record(core: &Core, principal: &str, ip: &str, operation: &str, detail: Value) -> Result<()> {
    append(
        core,
        entry(principal, ip, operation, &detail),
        OnTemporaryError::Refuse,
    )
    .await
}

pub(crate) async fn append(
    core: &Core,
    entry: AuditEntry,
    on_temporary_error: OnTemporaryError,
) -> Result<()> {
    let written = core.storage.database.append_audit(entry.clone()).await;
    match written {
        Err(error) if error.is_temporary() && on_temporary_error == OnTemporaryError::Keep => {
            let operation = &entry.operation;
            tracing::warn!(%error, operation, "a line of the audit log is kept in memory until it can be written");
            let mut kept = core.kept_audit.0.lock();
            if kept.len() < MAX_KEPT {
                kept.push_back(entry);
            }
            Ok(())
        }
        written => {
            written?;
            tell(core, &entry).await;
            Ok(())
        }
    }
}

/// A line as a row of the queue.
pub(crate) fn event_row(entry: &AuditEntry) -> Value {
    let details: Value = serde_json::from_str(&entry.detail).unwrap_or_default();
    json!({
        "operation": entry.operation,
        "principal": entry.principal,
        "details": details,
        "_ts": entry.time / 1_000_000,
    })
}

/// Shows a line to those who watch the log; it is stored already.
async fn tell(core: &Core, entry: &AuditEntry) {
    if let Err(error) = events::pass_on(core, QUEUE, event_row(entry).to_string()).await {
        tracing::warn!(%error, "those who watch the audit log miss a line");
    }
}

/// Retries the lines in [`KeptEntries`], in order, until one fails again.
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

/// An entry with the current time; it is also written to the program's log.
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
