//! Deleting event rows that are not wanted any more.

use crate::audit::OnTemporaryError;
use crate::changes::{Change, announce};
use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, audit, clients, clock};
use peregrine_store::{ClientId, Micros, ResultSet, SetKind};
use serde_json::json;

/// The events of an artifact that came from a client, or of the server, within `[start, end)`.
#[derive(Debug, Clone)]
pub struct EventSpan {
    pub client_id: ClientId,
    /// `Artifact/Source`, or `Artifact` for all of its sources.
    pub artifact: String,
    pub start: Option<Micros>,
    pub end: Option<Micros>,
}

/// Rows of one source, or messages of its queries.
#[derive(Debug, Clone)]
pub struct EventPart {
    set: ResultSet,
    /// How many of them the span has.
    pub rows: u64,
}

impl EventPart {
    /// `Artifact/Source`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.set.name
    }

    /// Whether these are messages of queries, not their rows.
    #[must_use]
    pub fn is_log(&self) -> bool {
        self.set.kind == SetKind::EventLogs
    }
}

/// What there is to be deleted; nothing if no such event ever came.
pub async fn find(core: &Core, principal: &Principal, span: &EventSpan) -> Result<Vec<EventPart>> {
    principal.authorize(Permission::DeleteResults)?;
    clients::check(core, &span.client_id).await?;
    if span.client_id.is_server() && span.artifact == audit::QUEUE {
        return Err(Error::BadRequest(
            "lines of the audit log cannot be deleted".to_owned(),
        ));
    }
    let database = &core.storage.database;
    let mut parts = Vec::new();
    for set in database.event_sets(&span.client_id).await? {
        if !span.has(&set) {
            continue;
        }
        let (first, end) = database.row_range(set.id, span.start, span.end).await?;
        let rows = end.saturating_sub(first);
        if rows > 0 {
            parts.push(EventPart { set, rows });
        }
    }
    Ok(parts)
}

/// Deletes what [`find`] found.
pub async fn delete(core: &Core, principal: &Principal, span: &EventSpan, parts: &[EventPart]) -> Result<()> {
    principal.authorize(Permission::DeleteResults)?;
    if parts.is_empty() {
        return Ok(());
    }
    let detail = json!({
        "client_id": span.client_id,
        "artifact": span.artifact,
        "start": span.start.map(clock::show),
        "end": span.end.map(clock::show),
    });
    let entry = audit::entry(&principal.name, &principal.ip, "delete_events", &detail);
    audit::append(core, entry, OnTemporaryError::Keep).await?;
    let database = &core.storage.database;
    for part in parts {
        let delete = || database.delete_events(&span.client_id, part.set.id, span.start, span.end);
        core.storage.delete_even_if_full(delete).await?;
    }
    announce(core, &Change::Many).await;
    Ok(())
}

impl EventSpan {
    fn has(&self, set: &ResultSet) -> bool {
        let source = set.name.strip_prefix(self.artifact.as_str());
        source.is_some_and(|source| source.is_empty() || source.starts_with('/'))
    }
}
