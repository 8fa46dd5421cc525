//! The one place that writes the audit log.

use crate::shared::Shared;
use crate::{Result, clock};
use peregrine_store::AuditEntry;
use serde_json::Value;

/// Records an act, durably, before it is answered.
pub(crate) async fn record(
    shared: &Shared,
    principal: &str,
    ip: &str,
    operation: &str,
    detail: Value,
) -> Result<()> {
    tracing::info!(principal, operation, %detail, "audit");
    let entry = AuditEntry {
        id: 0,
        time: clock::now(),
        principal: principal.to_owned(),
        operation: operation.to_owned(),
        detail: detail.to_string(),
        ip: ip.to_owned(),
    };
    Ok(shared.storage.database.append_audit(entry).await?)
}
