//! What a collection consists of on the server: for listing and for deleting.

use peregrine_engine::prelude::*;
use peregrine_services::{Error, Result};
use peregrine_store::{ClientId, Database, FlowId, SetKind};

use crate::uploads::stored_path;

/// Columns of [`read`].
pub(crate) const COLUMNS: &[ColumnSpec] = &[
    shown("Id", "Counts the parts from 1."),
    shown(
        "Type",
        "`Upload` for a file, `Result` for the rows of a source, `Log`, or `CollectionContext` for the record of the collection.",
    ),
    shown(
        "Data",
        "For a file its `VFSPath` and `Size` in bytes, for rows and messages their `Name` and number of `Rows`, for the record its `FlowId`.",
    ),
    shown(
        "Error",
        "Always empty: either everything is deleted, or the call fails.",
    ),
];

/// A part of a collection or of a hunt.
pub(crate) struct Part {
    pub(crate) kind: &'static str,
    pub(crate) data: Dict,
}

impl Part {
    pub(crate) fn to_row(&self, id: i64) -> Row {
        Row::from_pairs([
            ("Id", Value::Int(id)),
            ("Type", Value::from(self.kind)),
            ("Data", Value::Dict(self.data.clone())),
            ("Error", Value::from("")),
        ])
    }
}

/// The parts of a collection; the record, without which nothing finds the others, comes last.
pub(crate) async fn read(
    database: &dyn Database,
    client_id: &ClientId,
    flow_id: &FlowId,
) -> Result<Vec<Part>> {
    if database.flow(client_id, flow_id).await?.is_none() {
        return Err(Error::NotFound("flow", flow_id.to_string()));
    }
    let mut parts = Vec::new();
    for upload in database.uploads(client_id, flow_id).await? {
        let data = [
            ("VFSPath", Value::from(stored_path(&upload))),
            ("Size", Value::from(upload.uploaded_size)),
        ];
        parts.push(("Upload", Dict::from_pairs(data)));
    }
    for set in database.result_sets(client_id, flow_id).await? {
        let kind = match set.kind {
            SetKind::Logs => "Log",
            _ => "Result",
        };
        let count = Value::from(set.rows());
        let data = [("Name", Value::from(set.name)), ("Rows", count)];
        parts.push((kind, Dict::from_pairs(data)));
    }
    let record = Dict::from_pairs([("FlowId", flow_id.as_str())]);
    parts.push(("CollectionContext", record));
    let parts = parts.into_iter();
    Ok(parts.map(|(kind, data)| Part { kind, data }).collect())
}
