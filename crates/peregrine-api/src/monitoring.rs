//! What runs on machines all the time, and the events that come of it.

use crate::flows::ArtifactSpec;
use crate::table::TableParams;
use serde::{Deserialize, Serialize};

/// Body and answer of `PUT monitoring/client`, answer of `GET monitoring/client`: what runs where.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct MonitoringTable {
    /// On every client.
    pub artifacts: Vec<ArtifactSpec>,
    /// On clients with a label.
    pub label_events: Vec<LabelGroup>,
}

/// Artifacts for clients with a label.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct LabelGroup {
    /// The label, in any case; `all` is every client.
    pub label: String,
    /// What runs there.
    #[serde(default)]
    pub artifacts: Vec<ArtifactSpec>,
}

/// Answer of `GET clients/{client_id}/events`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EventArtifacts {
    /// What a client sent events of.
    pub artifacts: Vec<EventArtifact>,
}

/// An artifact a client sent events of.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EventArtifact {
    /// `Artifact`, or `Artifact/Source`.
    pub name: String,
    /// Rows kept.
    pub rows: u64,
    /// When the first of them came.
    pub first: Option<String>,
    /// When the last of them came.
    pub last: Option<String>,
}

/// Query string of `GET clients/{client_id}/events/{artifact}`: a table of the rows that came between two times.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct EventsQuery {
    /// Not before, RFC 3339.
    pub start: Option<String>,
    /// Before, RFC 3339.
    pub end: Option<String>,
    /// As in [`TableParams`], like those below.
    pub offset: Option<u64>,
    /// How many rows.
    pub limit: Option<u64>,
    /// A column.
    pub sort: Option<String>,
    /// Descending.
    pub desc: Option<String>,
    /// Conditions.
    pub filter: Option<String>,
}

impl EventsQuery {
    /// What is asked of the table.
    pub fn table(self) -> TableParams {
        TableParams {
            offset: self.offset,
            limit: self.limit,
            sort: self.sort,
            desc: self.desc,
            filter: self.filter,
        }
    }
}
