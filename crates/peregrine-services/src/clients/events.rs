//! Monitoring events of a client, or of the server.

use super::check;
use crate::events::permission_to_read;
use crate::table::{AuditSource, SetSource, TableQuery, declared_columns, page};
use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, audit, clock};
use peregrine_api::monitoring::{EventArtifact, EventArtifacts};
use peregrine_api::table::TablePage;
use peregrine_artifacts::queues;
use peregrine_store::{AuditEntry, ClientId, Micros, SetKind};
use std::sync::Arc;

/// The artifacts it sent events for, with row counts and time spans. What the server tells about a client is not among them.
pub async fn events(core: &Core, principal: &Principal, client_id: &ClientId) -> Result<EventArtifacts> {
    principal.authorize(Permission::ReadResults)?;
    check(core, client_id).await?;
    let sets = core.storage.database.event_sets(client_id).await?;
    let log = audit_log(core, principal, client_id).await?;
    let artifacts = sets
        .iter()
        .filter(|set| set.kind == SetKind::Events)
        .filter(|set| client_id.is_server() || queues::expected_kind(&set.name).is_none())
        .map(|set| {
            let formatted = |(first, last)| (clock::show(first), clock::show(last));
            let (first, last) = set.span.map(formatted).unzip();
            EventArtifact {
                name: set.name.clone(),
                rows: set.rows(),
                first,
                last,
            }
        })
        .chain(log)
        .collect();
    Ok(EventArtifacts { artifacts })
}

/// The audit log, among the events of the server, for those who may read it.
async fn audit_log(
    core: &Core,
    principal: &Principal,
    client_id: &ClientId,
) -> Result<Option<EventArtifact>> {
    let needed = permission_to_read(audit::QUEUE);
    if !client_id.is_server() || principal.authorize(needed).is_err() {
        return Ok(None);
    }
    let database = &core.storage.database;
    let end = database.audit_end().await?;
    let first = database.read_audit(0, 1).await?;
    let last = database.read_audit(end - 1, 1).await?;
    let time = |entries: &[AuditEntry]| entries.first().map(|entry| clock::show(entry.time));
    Ok(Some(EventArtifact {
        name: audit::QUEUE.to_owned(),
        rows: end.unsigned_abs(),
        first: time(&first),
        last: time(&last),
    }))
}

/// A page of one artifact's events, limited to those received between `start` and `end`.
pub async fn event_rows(
    core: &Core,
    principal: &Principal,
    client_id: &ClientId,
    artifact: &str,
    (start, end): (Option<Micros>, Option<Micros>),
    query: &TableQuery,
) -> Result<TablePage> {
    principal.authorize(permission_to_read(artifact))?;
    let database = &core.storage.database;
    if client_id.is_server() && artifact == audit::QUEUE {
        let source = AuditSource::events(Arc::clone(database), (start, end)).await?;
        return page(core, &source, query, &[], false).await;
    }
    let sets = database.event_sets(client_id).await?;
    let set = sets
        .iter()
        .find(|set| set.kind == SetKind::Events && set.name == artifact);
    let set = set.ok_or_else(|| Error::NotFound("event artifact", artifact.to_owned()))?;
    let range = database.row_range(set.id, start, end).await?;
    let source = SetSource::new(database.clone(), set).within(range);
    page(core, &source, query, &declared_columns(core, artifact), false).await
}
