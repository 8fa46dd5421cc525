//! Notifications over the bus: clients that have tasks, and changes that open screens must show.

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
    /// A running query must end; the payload is its id.
    pub const CANCELLED_QUERY: &str = "cancelled-query";
}

/// A change that open screens must show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// A client connected, disconnected or has new facts.
    Client { client_id: ClientId },
    /// Too many changes to list: screens must reload.
    Many,
    /// A flow was created, progressed or ended.
    Flow { client_id: ClientId, flow_id: FlowId },
    /// Rows were stored.
    Rows {
        client_id: ClientId,
        flow_id: Option<FlowId>,
        source: String,
        total_rows: u64,
    },
}

/// Publishes a change. Failure is only logged: a lost message just delays a screen.
pub async fn announce(core: &Core, change: &Change) {
    let Ok(payload) = serde_json::to_string(change) else {
        return;
    };
    if let Err(error) = core.storage.bus.publish(topics::CHANGES, &payload).await {
        tracing::warn!(%error, "change not announced");
    }
}
