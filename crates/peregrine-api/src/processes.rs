//! The family of a process.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Query string of `GET clients/{client_id}/process-tree`.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ProcessTreeQuery {
    /// Id or pid of a process.
    pub process: String,
    /// The collection whose rows are processes.
    pub flow: String,
}

/// The whole tree that holds a process.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ProcessFamily {
    /// Id of its first ancestor that is known.
    pub root: Option<String>,
    /// Id of the process that was asked for; the latest of several with that pid.
    pub focus: Option<String>,
    /// Parents come before their children.
    pub nodes: Vec<ProcessNode>,
    /// There are more than are told.
    pub truncated: bool,
}

/// A process. Cells are what the machine sent, which may be anything.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ProcessNode {
    /// Process id of the machine, which may be used again.
    pub pid: i64,
    /// Its name.
    #[cfg_attr(test, ts(type = "Json"))]
    pub name: Value,
    /// Path of its program.
    #[cfg_attr(test, ts(type = "Json"))]
    pub exe: Value,
    /// How it was called.
    #[cfg_attr(test, ts(type = "Json"))]
    pub command_line: Value,
    /// Who runs it.
    #[cfg_attr(test, ts(type = "Json"))]
    pub username: Value,
    /// When it began.
    #[cfg_attr(test, ts(type = "Json"))]
    pub start_time: Value,
    /// When it ended.
    #[cfg_attr(test, ts(type = "Json"))]
    pub end_time: Value,
    /// What it said at its end.
    #[cfg_attr(test, ts(type = "Json"))]
    pub exit_code: Value,
    /// It has ended.
    pub exited: bool,
    /// Its id, which is used once.
    pub id: String,
    /// Id of its parent, if that is in the tree.
    pub parent_id: Option<String>,
}
