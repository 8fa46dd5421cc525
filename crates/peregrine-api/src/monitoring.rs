//! Monitoring: artifacts that run all the time, on clients or on the server, and the events they produce.

use crate::flows::ArtifactSpec;
use crate::table::TableParams;
use serde::{Deserialize, Serialize};

/// Body and answer of `PUT monitoring/client`, answer of `GET monitoring/client`: which artifacts run where.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct MonitoringTable {
    /// Artifacts on every client.
    pub artifacts: Vec<ArtifactSpec>,
    /// Artifacts on clients with a label.
    pub label_events: Vec<LabelGroup>,
}

/// Artifacts for clients with a label.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct LabelGroup {
    /// The label, compared without regard to case; `all` means every client.
    pub label: String,
    /// Artifacts on the clients with this label.
    #[serde(default)]
    pub artifacts: Vec<ArtifactSpec>,
}

/// Body and answer of `PUT monitoring/server`, answer of `GET monitoring/server`: which artifacts run on the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ServerMonitoring {
    /// The artifacts.
    pub artifacts: Vec<ArtifactSpec>,
}

/// Answer of `GET clients/{client_id}/events`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EventArtifacts {
    /// Artifacts that the client sent events of.
    pub artifacts: Vec<EventArtifact>,
}

/// An artifact that a client sent events of.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EventArtifact {
    /// `Artifact`, or `Artifact/Source`.
    pub name: String,
    /// Rows stored.
    pub rows: u64,
    /// When the first of them arrived.
    pub first: Option<String>,
    /// When the last of them arrived.
    pub last: Option<String>,
}

/// Query string of `GET clients/{client_id}/events/{artifact}`: a table of the rows received in a time range.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct EventsQuery {
    /// Start of the range (inclusive), RFC 3339.
    pub start: Option<String>,
    /// End of the range (exclusive), RFC 3339.
    pub end: Option<String>,
    /// As in [`TableParams`], like the members below.
    pub offset: Option<u64>,
    /// How many rows to return.
    pub limit: Option<u64>,
    /// Column to sort by.
    pub sort: Option<String>,
    /// Sort in descending order.
    pub desc: Option<String>,
    /// Conditions, in JSON.
    pub filter: Option<String>,
}

impl EventsQuery {
    /// The part that concerns the table.
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
