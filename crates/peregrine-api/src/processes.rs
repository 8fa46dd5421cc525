//! The process tree around a process.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Query string of `GET clients/{client_id}/process-tree`.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ProcessTreeQuery {
    /// Id or pid of the process.
    pub process: String,
    /// The collection whose rows are the processes.
    pub flow: String,
}

/// The whole tree that contains a process.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ProcessFamily {
    /// Id of its earliest known ancestor.
    pub root: Option<String>,
    /// Id of the requested process; of several with the same pid, the latest.
    pub focus: Option<String>,
    /// Its processes; parents come before their children.
    pub nodes: Vec<ProcessNode>,
    /// Whether the tree has more processes than are listed.
    pub truncated: bool,
}

/// A process. Cells are as the machine sent them and may be anything.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ProcessNode {
    /// Process id on the machine, which the machine may reuse.
    pub pid: i64,
    /// Name of the process.
    #[cfg_attr(test, ts(type = "Json"))]
    pub name: Value,
    /// Path of the executable.
    #[cfg_attr(test, ts(type = "Json"))]
    pub exe: Value,
    /// Command line.
    #[cfg_attr(test, ts(type = "Json"))]
    pub command_line: Value,
    /// User it runs as.
    #[cfg_attr(test, ts(type = "Json"))]
    pub username: Value,
    /// When it started.
    #[cfg_attr(test, ts(type = "Json"))]
    pub start_time: Value,
    /// When it exited.
    #[cfg_attr(test, ts(type = "Json"))]
    pub end_time: Value,
    /// Exit code.
    #[cfg_attr(test, ts(type = "Json"))]
    pub exit_code: Value,
    /// Whether it has exited.
    pub exited: bool,
    /// Unique id.
    pub id: String,
    /// Id of its parent; null if that is not in the tree.
    pub parent_id: Option<String>,
}
