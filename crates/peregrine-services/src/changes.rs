//! Notifications over the bus: clients that have tasks, and changes that open screens must show.

use crate::Core;
use peregrine_store::{ClientId, FlowId, HuntId, SetId};
use serde::{Deserialize, Serialize};

/// Topics of the bus.
pub mod topics {
    /// A client has new tasks; the payload is its id.
    pub const TASKS: &str = "tasks";
    /// Something a user may be looking at changed; the payload is a [`super::Change`] as JSON.
    pub const CHANGES: &str = "changes";
    /// The table of client monitoring changed.
    pub const MONITORING: &str = "monitoring";
    /// The table of server monitoring changed.
    pub const SERVER_MONITORING: &str = "server-monitoring";
    /// Rows of a queue that is not stored; the payload is a [`super::Unstored`] as JSON.
    pub const UNSTORED: &str = "unstored";
    /// A client has a key now; the payload is its id.
    pub const ENROLLED: &str = "enrolled";
    /// A hunt was started, stopped, changed or deleted; the payload is its id.
    pub const HUNTS: &str = "hunts";
    /// A running query must end; the payload is its id and the user who ends it.
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
        /// The set they were appended to.
        #[serde(default)]
        set: SetId,
        /// How many events are new.
        #[serde(default)]
        new_rows: u64,
        /// The server that stored them.
        #[serde(default)]
        server_id: String,
    },
    /// A hunt was created, changed or deleted, or has other totals.
    Hunt { hunt_id: HuntId },
}

/// Rows of a queue that is not stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unstored {
    pub queue: String,
    /// The rows: JSON objects, each in a line of its own.
    pub rows: String,
    /// The server that wrote them.
    pub server_id: String,
}

/// Publishes a change. Failure is only logged: a lost message just delays a screen.
pub async fn announce(core: &Core, change: &Change) {
    if let Change::Flow { client_id, flow_id } = change {
        core.stale_hunts.mark_flow(client_id, flow_id);
    }
    let Ok(payload) = serde_json::to_string(change) else {
        return;
    };
    if let Err(error) = core.storage.bus.publish(topics::CHANGES, &payload).await {
        tracing::warn!(%error, "change not announced");
    }
}
