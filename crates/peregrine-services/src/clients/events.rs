//! Events a client sent.

use super::get;
use crate::table::{SetSource, TablePage, TableQuery, declared_columns, page};
use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, clock};
use peregrine_store::{Micros, SetKind};
use serde_json::{Value, json};

/// Which artifacts it sent events of.
pub async fn events(core: &Core, principal: &Principal, client_id: &str) -> Result<Value> {
    principal.authorize(Permission::ReadResults)?;
    get(core, client_id).await?;
    let sets = core.storage.database.event_sets(client_id).await?;
    let views: Vec<Value> = sets
        .iter()
        .filter(|set| set.kind == SetKind::Events)
        .map(|set| {
            let shown = |(first, last)| (clock::show(first), clock::show(last));
            let (first, last) = set.span.map(shown).unzip();
            json!({"name": set.name, "rows": set.rows(), "first": first, "last": last})
        })
        .collect();
    Ok(json!({"artifacts": views}))
}

/// A page of the events of an artifact that were received between two times.
pub async fn event_rows(
    core: &Core,
    principal: &Principal,
    client_id: &str,
    artifact: &str,
    (start, end): (Option<Micros>, Option<Micros>),
    query: &TableQuery,
) -> Result<TablePage> {
    principal.authorize(Permission::ReadResults)?;
    let database = &core.storage.database;
    let sets = database.event_sets(client_id).await?;
    let set = sets
        .iter()
        .find(|set| set.kind == SetKind::Events && set.name == artifact);
    let set = set.ok_or_else(|| Error::NotFound("event artifact", artifact.to_owned()))?;
    let range = database.row_range(set.id, start, end).await?;
    let source = SetSource::new(database.clone(), set).within(range);
    page(core, &source, query, &declared_columns(core, artifact), false).await
}
