//! The one place that writes the audit log.

use crate::shared::Shared;
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

/// As [`record`], for acts that must be possible on a full disk, as they end that: the line is written when there is
/// room, and stands in the log of the program at once.
pub(crate) async fn record_now_or_later(
    shared: &Shared,
    principal: &str,
    ip: &str,
    operation: &str,
    detail: Value,
) -> Result<()> {
    let entry = entry(principal, ip, operation, &detail);
    match shared.storage.database.append_audit(entry.clone()).await {
        Err(error) if error.is_temporary() => {
            tracing::warn!(%error, operation, "a line of the audit log is kept in memory until it can be written");
            let mut kept = shared.kept_audit.0.lock();
            if kept.len() < MAX_KEPT {
                kept.push_back(entry);
            }
            Ok(())
        }
        written => Ok(written?),
    }
}

/// Writes the lines that could not be written before.
pub(crate) async fn write_kept(shared: &Shared) {
    loop {
        let Some(entry) = shared.kept_audit.0.lock().pop_front() else {
            return;
        };
        if shared.storage.database.append_audit(entry.clone()).await.is_err() {
            shared.kept_audit.0.lock().push_front(entry);
            return;
        }
    }
}

/// Records an act, durably, before it is answered.
pub(crate) async fn record(
    shared: &Shared,
    principal: &str,
    ip: &str,
    operation: &str,
    detail: Value,
) -> Result<()> {
    let entry = entry(principal, ip, operation, &detail);
    Ok(shared.storage.database.append_audit(entry).await?)
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
