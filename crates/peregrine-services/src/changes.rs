//! What others must hear of, over the bus: agents that have work, and screens that are out of date.

use crate::Core;
use peregrine_store::{ClientId, FlowId};
use serde::{Deserialize, Serialize};

/// Topics of the bus.
pub mod topics {
    /// A client has new tasks; the payload is its id.
    pub const TASKS: &str = "tasks";
    /// Something a user may be looking at changed; the payload is a [`super::Change`] as JSON.
    pub const CHANGES: &str = "changes";
    /// The monitoring table changed.
    pub const MONITORING: &str = "monitoring";
    /// A client has a key now; the payload is its id.
    pub const ENROLLED: &str = "enrolled";
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// A client came, went or got new facts.
    Client { client_id: ClientId },
    /// More than is worth naming.
    Many,
    /// A flow was made, progressed or ended.
    Flow { client_id: ClientId, flow_id: FlowId },
    /// Rows were stored.
    Rows {
        client_id: ClientId,
        flow_id: Option<FlowId>,
        source: String,
        total_rows: u64,
    },
}

/// Says that something changed; losing it only delays a screen.
pub async fn announce(core: &Core, change: &Change) {
    let Ok(payload) = serde_json::to_string(change) else {
        return;
    };
    if let Err(error) = core.storage.bus.publish(topics::CHANGES, &payload).await {
        tracing::warn!(%error, "change not announced");
    }
}
