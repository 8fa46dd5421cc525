//! Results of a hunt: each table over all its clients.

use super::get;
use crate::table::{Filters, HuntRows, TableQuery, count_values, declared_columns, export, page};
use crate::users::{Permission, Principal};
use crate::{Core, Result, audit};
use bytes::Bytes;
use peregrine_api::hunts::{HuntSource, HuntSources};
use peregrine_api::table::{ExportFormat, Facets, TablePage};
use peregrine_store::{Hunt, HuntId, HuntState};
use serde_json::json;
use tokio::sync::mpsc;

/// The tables of a hunt, also those that have no rows yet.
pub async fn sources(core: &Core, principal: &Principal, hunt_id: &HuntId) -> Result<HuntSources> {
    principal.authorize(Permission::ReadResults)?;
    let hunt = get(core, hunt_id).await?;
    let mut found = core.storage.database.hunt_sources(hunt_id).await?;
    let mut sources: Vec<HuntSource> = Vec::new();
    for name in hunt.sources {
        let at = found.iter().position(|source| source.name == name);
        let (clients, rows) = at.map_or((0, 0), |at| {
            let source = found.remove(at);
            (source.clients, source.rows)
        });
        sources.push(HuntSource { name, clients, rows });
    }
    // Collections that were added by hand may have other tables.
    sources.extend(found.into_iter().map(|source| HuntSource {
        name: source.name,
        clients: source.clients,
        rows: source.rows,
    }));
    Ok(HuntSources { sources })
}

/// Selects a table of a hunt: the one with this name or, if `source` is empty, the hunt's first. Its rows are those of all clients,
/// with the columns `FlowId`, `ClientId` and `Fqdn`.
#[derive(Debug, Clone, Copy)]
pub struct Results<'a> {
    pub hunt_id: &'a HuntId,
    /// `Artifact/Source`.
    pub source: &'a str,
}

impl Results<'_> {
    pub async fn page(&self, core: &Core, principal: &Principal, query: &TableQuery) -> Result<TablePage> {
        principal.authorize(Permission::ReadResults)?;
        let hunt = get(core, self.hunt_id).await?;
        let source = self.name(&hunt);
        let rows = self.rows(core, source).await?;
        let is_complete = hunt.state != HuntState::Running && hunt.totals.waiting + hunt.totals.running == 0;
        page(core, &rows, query, &declared_columns(core, source), is_complete).await
    }

    /// How often each value of a column appears.
    pub async fn facets(
        &self,
        core: &Core,
        principal: &Principal,
        column: &str,
        filters: Filters,
    ) -> Result<Facets> {
        principal.authorize(Permission::ReadResults)?;
        let hunt = get(core, self.hunt_id).await?;
        let rows = self.rows(core, self.name(&hunt)).await?;
        count_values(&rows, column, filters).await
    }

    /// The whole table as a file: the file's name, and its content in pieces.
    pub async fn export(
        &self,
        core: &Core,
        principal: &Principal,
        format: ExportFormat,
        columns: Option<Vec<String>>,
        filters: Filters,
    ) -> Result<(String, mpsc::Receiver<Result<Bytes>>)> {
        principal.authorize(Permission::ReadResults)?;
        let hunt = get(core, self.hunt_id).await?;
        let (hunt_id, source) = (self.hunt_id, self.name(&hunt));
        let extension = format.extension();
        let detail = json!({"hunt_id": hunt_id, "source": source, "format": extension});
        audit::record(core, &principal.name, &principal.ip, "DownloadTable", detail).await?;
        let pieces = export(self.rows(core, source).await?, format, columns, filters).await?;
        Ok((format!("{hunt_id}-{source}.{extension}"), pieces))
    }

    fn name<'b>(&'b self, hunt: &'b Hunt) -> &'b str {
        match self.source {
            "" => hunt.sources.first().map_or("", String::as_str),
            source => source,
        }
    }

    async fn rows(&self, core: &Core, source: &str) -> Result<HuntRows> {
        HuntRows::open(core.storage.database.clone(), self.hunt_id, source).await
    }
}
