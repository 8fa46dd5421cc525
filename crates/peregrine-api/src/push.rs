//! Push: server-sent events over `GET events`. Besides those below, `client` carries a [`Client`](crate::clients::Client),
//! `flow` a [`Flow`](crate::flows::Flow) and `hunt` a [`Hunt`](crate::hunts::Hunt).

use serde::{Deserialize, Serialize};

/// Query string of `GET events`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct PushQuery {
    /// `clients`, `client:C.x`, `flows`, `flows:C.x`, `flow:C.x/F.y`, `hunts` or `hunt:H.x`, separated by commas.
    pub topics: String,
}

/// Event `rows`: rows were stored.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RowsStored {
    /// The client they are from.
    pub client_id: String,
    /// The collection, or `F.Monitoring`.
    pub flow_id: String,
    /// `Artifact/Source`.
    pub source: String,
    /// Rows the table has now.
    pub total_rows: u64,
}

/// Event `resync`: events may have been missed, so load everything again.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "Record<string, never>"))]
pub struct Resync {}
