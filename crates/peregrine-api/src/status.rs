//! The server's own state, and its audit log.

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Answer of `GET server/status`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ServerStatus {
    /// Agents connected to any server of the deployment.
    pub connected_agents: u64,
    /// Known clients.
    pub clients: u64,
    /// Running collections.
    pub flows_running: u64,
    /// Rows of all tables together.
    pub rows_stored: u64,
    /// The servers that work on this database, in order of their start.
    pub servers: Vec<ServerEntry>,
    /// Packets and connections that this server refused since its start, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Where data is stored.
    pub datastore: Datastore,
}

/// A server of the deployment.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ServerEntry {
    /// The machine it runs on.
    pub host: String,
    /// When it was started.
    pub started: String,
    /// Agents connected to it.
    pub connected_agents: u64,
    /// Whether it is the server that sent this answer.
    pub is_this: bool,
}

/// Where data is stored.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Datastore {
    /// Its folder.
    pub path: String,
    /// Free bytes there; null if unknown.
    pub free_bytes: Option<u64>,
    /// Why storing last failed, or a warning about the storage from the start of the server; null if all is well.
    pub trouble: Option<String>,
}

/// A row of the table that `GET audit` pages through.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AuditRow {
    /// When it was done.
    pub time: String,
    /// Who did it.
    pub principal: String,
    /// What was done.
    pub operation: String,
    /// Details, which depend on the operation.
    #[cfg_attr(test, ts(type = "Json"))]
    pub detail: Value,
    /// Address the request came from.
    pub ip: String,
}
