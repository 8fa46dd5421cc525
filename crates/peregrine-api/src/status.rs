//! The server's own state, and its audit log.

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Answer of `GET server/status`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ServerStatus {
    /// Agents connected to any server.
    pub connected_agents: u64,
    /// Clients there are.
    pub clients: u64,
    /// Collections that run.
    pub flows_running: u64,
    /// Rows of all tables.
    pub rows_stored: u64,
    /// The servers that work on this database, in order of their start.
    pub servers: Vec<ServerEntry>,
    /// Packets and connections that this server did not take, by reason, since its start.
    pub refused: BTreeMap<&'static str, u64>,
    /// Where everything is stored.
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
    /// It is the one that answers.
    pub is_this: bool,
}

/// Where everything is stored.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Datastore {
    /// Its folder.
    pub path: String,
    /// Bytes that are free there; null when that is unknown.
    pub free_bytes: Option<u64>,
    /// Why storing last failed; null when it works.
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
    /// To what; differs with the operation.
    #[cfg_attr(test, ts(type = "Json"))]
    pub detail: Value,
    /// From where.
    pub ip: String,
}
