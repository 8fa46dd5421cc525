//! Arguments shared by several plugins.

use peregrine_base::ids::{BadId, is_root_org};
use peregrine_engine::prelude::*;
use std::str::FromStr;

/// An id as it was given.
pub(crate) fn id<T: FromStr<Err = BadId>>(text: &str) -> VqlResult<T> {
    text.parse().map_err(|error: BadId| error.to_string().into())
}

/// A number of rows, which must not be below zero.
pub(crate) fn count(name: &str, given: Option<i64>) -> VqlResult<Option<u64>> {
    let converted = given.map(u64::try_from).transpose();
    converted.map_err(|_| format!("`{name}` {} is less than 0", given.unwrap_or_default()).into())
}

/// Refuses organisations other than the one there is.
pub(crate) fn only_root(orgs: Option<&[String]>) -> VqlResult<()> {
    match orgs.unwrap_or_default().iter().find(|org| !is_root_org(org)) {
        Some(org) => {
            Err(format!("this server has one organisation, `root`, and not `{org}`; leave `orgs` out").into())
        }
        None => Ok(()),
    }
}

/// Selects the rows of a collection or of a hunt, or events.
#[derive(VqlArgs)]
pub struct WhichRows {
    /// The client's id; with `hunt_id`, only the rows of this client.
    pub client_id: Option<String>,
    /// The collection's id; without one, events are read.
    pub flow_id: Option<String>,
    /// A hunt's id: the rows of all its clients, each with the columns `FlowId`, `ClientId`, `_OrgId` and `Fqdn`.
    pub hunt_id: Option<String>,
    /// The artifact, or `Artifact/Source`; by default the first one with rows.
    pub artifact: Option<String>,
    /// The source of the artifact.
    pub source: Option<String>,
}

/// Selects a cell of a notebook.
#[derive(VqlArgs)]
pub struct WhichCell {
    /// A notebook's id. Notebooks are not implemented yet: the call fails with a message.
    pub notebook_id: Option<String>,
    /// The cell of the notebook.
    pub notebook_cell_id: Option<String>,
}

/// Selects events of a client.
#[derive(VqlArgs)]
pub struct WhichEvents {
    /// The client's id.
    pub client_id: String,
    /// The artifact, or `Artifact/Source`.
    pub artifact: String,
    /// The source of the artifact.
    pub source: Option<String>,
    /// Only rows that the server received from this time on.
    pub start_time: Option<Value>,
    /// Only rows that the server received before this time.
    pub end_time: Option<Value>,
}
