//! Push: events over `GET events`, as server-sent events. Beside those below, `client` carries a
//! [`Client`](crate::clients::Client) and `flow` a [`Flow`](crate::flows::Flow).

use serde::{Deserialize, Serialize};

/// Query string of `GET events`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct PushQuery {
    /// `clients`, `client:C.x`, `flows`, `flows:C.x`, `flow:C.x/F.y`, with commas between them.
    pub topics: String,
}

/// Event `rows`: rows were stored.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RowsStored {
    /// The machine.
    pub client_id: String,
    /// The collection, or `F.Monitoring`.
    pub flow_id: String,
    /// `Artifact/Source`.
    pub source: String,
    /// How many there are now.
    pub total_rows: u64,
}

/// Event `resync`: something may have been missed, so ask again for everything.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "Record<string, never>"))]
pub struct Resync {}
