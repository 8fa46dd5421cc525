//! Arguments that several plugins have in common.

use peregrine_base::ids::BadId;
use peregrine_engine::prelude::*;
use std::str::FromStr;

/// An id as it was given.
pub(crate) fn id<T: FromStr<Err = BadId>>(text: &str) -> VqlResult<T> {
    text.parse().map_err(|error: BadId| error.to_string().into())
}

/// Which collection's rows, or events, are meant.
#[derive(VqlArgs)]
pub struct WhichRows {
    /// The machine.
    pub client_id: Option<String>,
    /// The collection; without one, events are read.
    pub flow_id: Option<String>,
    /// The hunt. Not there yet: a message says so.
    pub hunt_id: Option<String>,
    /// The artifact, or `Artifact/Source`; the first that has rows when left out.
    pub artifact: Option<String>,
    /// The source of the artifact.
    pub source: Option<String>,
}

/// Which cell of a notebook is meant.
#[derive(VqlArgs)]
pub struct WhichCell {
    /// The notebook. Not there yet: a message says so.
    pub notebook_id: Option<String>,
    /// The cell of the notebook.
    pub notebook_cell_id: Option<String>,
}

/// Which events of a machine are meant.
#[derive(VqlArgs)]
pub struct WhichEvents {
    /// The machine.
    pub client_id: String,
    /// The artifact, or `Artifact/Source`.
    pub artifact: String,
    /// The source of the artifact.
    pub source: Option<String>,
    /// Only what was received from this time on.
    pub start_time: Option<Value>,
    /// Only what was received before this time.
    pub end_time: Option<Value>,
}
