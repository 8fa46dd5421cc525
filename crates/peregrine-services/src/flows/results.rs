//! Results of a collection: tables of rows and logs, and uploaded files.

use crate::table::{Filters, SetSource, TableQuery, count_values, declared_columns, export, page};
use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, audit};
use bytes::Bytes;
use peregrine_api::table::{ExportFormat, Facets, TablePage};
use peregrine_store::{ClientId, FlowId, FlowState, ObjectKey, ObjectReader, ResultSet, SetKind, Upload};
use serde_json::json;
use tokio::sync::mpsc;

/// Selects a table of a collection: the one with this name or, if `name` is empty, the first of its kind.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    pub client_id: &'a ClientId,
    pub flow_id: &'a FlowId,
    pub kind: SetKind,
    /// `Artifact/Source`.
    pub name: &'a str,
}

impl Table<'_> {
    /// Its rows; none before some come.
    async fn find(&self, core: &Core) -> Result<Option<ResultSet>> {
        let database = &core.storage.database;
        let sets = database.result_sets(self.client_id, self.flow_id).await?;
        let mut sets = sets.into_iter().filter(|set| set.kind == self.kind);
        Ok(sets.find(|set| self.name.is_empty() || set.name == self.name))
    }

    pub async fn page(&self, core: &Core, principal: &Principal, query: &TableQuery) -> Result<TablePage> {
        principal.authorize(Permission::ReadResults)?;
        let flow = super::get(core, self.client_id, self.flow_id).await?;
        let set = self.find(core).await?;
        let columns = declared_columns(core, name_of(&set));
        let source = source(core, &set);
        let is_complete = flow.state != FlowState::Running;
        page(core, &source, query, &columns, is_complete).await
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
        super::get(core, self.client_id, self.flow_id).await?;
        let source = source(core, &self.find(core).await?);
        count_values(&source, column, filters).await
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
        let (client_id, flow_id) = (self.client_id, self.flow_id);
        super::get(core, client_id, flow_id).await?;
        let set = self.find(core).await?;
        if set.is_none() && !self.name.is_empty() {
            return Err(Error::NotFound("result", self.name.to_owned()));
        }
        let extension = format.extension();
        let detail =
            json!({"client_id": client_id, "flow_id": flow_id, "source": name_of(&set), "format": extension});
        audit::record(core, &principal.name, &principal.ip, "DownloadTable", detail).await?;
        let pieces = export(source(core, &set), format, columns, filters).await?;
        let name = format!("{client_id}-{flow_id}-{}.{extension}", name_of(&set));
        Ok((name, pieces))
    }
}

fn source(core: &Core, set: &Option<ResultSet>) -> SetSource {
    let database = core.storage.database.clone();
    match set {
        Some(set) => SetSource::new(database, set),
        None => SetSource::empty(database),
    }
}

fn name_of(set: &Option<ResultSet>) -> &str {
    set.as_ref().map_or("", |set| &set.name)
}

/// Opens upload number `number` (from 0) of a collection.
pub async fn download(
    core: &Core,
    principal: &Principal,
    client_id: &ClientId,
    flow_id: &FlowId,
    number: usize,
) -> Result<(Upload, ObjectReader)> {
    principal.authorize(Permission::ReadResults)?;
    super::get(core, client_id, flow_id).await?;
    let mut uploads = core.storage.database.uploads(client_id, flow_id).await?;
    if number >= uploads.len() {
        return Err(Error::NotFound("upload", number.to_string()));
    }
    let upload = uploads.swap_remove(number);
    let detail = json!({"client_id": client_id, "flow_id": flow_id, "path": upload.vfs_path});
    audit::record(core, &principal.name, &principal.ip, "DownloadFile", detail).await?;
    let key = ObjectKey::parse(&upload.object)?;
    let reader = core.storage.objects.get(&key, 0, None).await?;
    Ok((upload, reader))
}
