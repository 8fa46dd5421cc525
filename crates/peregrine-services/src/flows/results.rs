//! Results of a collection: tables of rows and logs, and uploaded files.

use crate::table::{Filters, SetSource, TableQuery, count_values, declared_columns, export, page};
use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, audit};
use bytes::Bytes;
use peregrine_api::table::{ExportFormat, Facets, TablePage};
use peregrine_store::{FlowState, ObjectKey, ObjectReader, ResultSet, SetKind, Upload};
use serde_json::json;
use tokio::sync::mpsc;

/// Selects a table of a collection: the one with this name or, if `name` is empty, the first of its kind.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    pub client_id: &'a str,
    pub flow_id: &'a str,
    pub kind: SetKind,
    /// `Artifact/Source`.
    pub name: &'a str,
}

impl Table<'_> {
    /// Its rows; an empty table while there are none.
    async fn find(&self, core: &Core) -> Result<ResultSet> {
        let database = &core.storage.database;
        let sets = database.result_sets(self.client_id, self.flow_id).await?;
        let mut sets = sets.into_iter().filter(|set| set.kind == self.kind);
        let found = sets.find(|set| self.name.is_empty() || set.name == self.name);
        Ok(found.unwrap_or_else(|| ResultSet {
            id: NOTHING,
            kind: self.kind,
            name: String::new(),
            first_row: 0,
            end_row: 0,
            span: None,
        }))
    }

    pub async fn page(&self, core: &Core, principal: &Principal, query: &TableQuery) -> Result<TablePage> {
        principal.authorize(Permission::ReadResults)?;
        let flow = super::get(core, self.client_id, self.flow_id).await?;
        let set = self.find(core).await?;
        let columns = declared_columns(core, &set.name);
        let source = SetSource::new(core.storage.database.clone(), &set);
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
        let set = self.find(core).await?;
        let source = SetSource::new(core.storage.database.clone(), &set);
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
        if set.id == NOTHING && !self.name.is_empty() {
            return Err(Error::NotFound("result", self.name.to_owned()));
        }
        let extension = format.extension();
        let detail =
            json!({"client_id": client_id, "flow_id": flow_id, "source": set.name, "format": extension});
        audit::record(core, &principal.name, &principal.ip, "DownloadTable", detail).await?;
        let source = SetSource::new(core.storage.database.clone(), &set);
        let pieces = export(source, format, columns, filters).await?;
        Ok((format!("{client_id}-{flow_id}-{}.{extension}", set.name), pieces))
    }
}

/// Id of a table that is not stored (yet).
const NOTHING: i64 = -1;

/// Opens upload number `number` (from 0) of a collection.
pub async fn download(
    core: &Core,
    principal: &Principal,
    client_id: &str,
    flow_id: &str,
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
