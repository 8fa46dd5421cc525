//! Collections: requesting, watching and reading them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Body of `POST clients/{client_id}/flows` and `POST artifacts/compile`: what to collect. A limit of zero means not set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct CollectRequest {
    /// What to collect; at least one.
    pub artifacts: Vec<ArtifactSpec>,
    /// Use `Custom.<name>` instead of `<name>` where it exists.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub allow_custom_overrides: bool,
    /// Deprecated form of `cpu_limit`.
    #[serde(skip_serializing)]
    #[cfg_attr(test, ts(optional, as = "Option<f32>"))]
    pub ops_per_second: f32,
    /// Percent of one processor.
    #[cfg_attr(test, ts(optional, as = "Option<f32>"))]
    pub cpu_limit: f32,
    /// Most input and output operations per second.
    #[cfg_attr(test, ts(optional, as = "Option<f32>"))]
    pub iops_limit: f32,
    /// Most seconds without progress.
    #[cfg_attr(test, ts(optional, as = "Option<f32>"))]
    pub progress_timeout: f32,
    /// Most seconds a query may take.
    #[cfg_attr(test, ts(optional, as = "Option<u64>"))]
    pub timeout: u64,
    /// Most rows of the collection.
    #[cfg_attr(test, ts(optional, as = "Option<u64>"))]
    pub max_rows: u64,
    /// Most bytes the collection may upload.
    #[cfg_attr(test, ts(optional, as = "Option<u64>"))]
    pub max_upload_bytes: u64,
    /// Most log lines of the collection.
    #[cfg_attr(test, ts(optional, as = "Option<u64>"))]
    pub max_logs: u64,
    /// Goes ahead of other collections for the machine.
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub urgent: bool,
}

/// An artifact with its own parameters and limits. A limit of zero means not set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ArtifactSpec {
    /// `Name` for all sources, or `Name/Source` for one of them.
    pub artifact: String,
    /// Values of parameters that differ from the defaults.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Percent of one processor.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub cpu_limit: f32,
    /// Most seconds a query may take.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub timeout: u64,
    /// Most seconds before a batch is sent.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub max_batch_wait: u64,
    /// Most rows of a batch.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub max_batch_rows: u64,
    /// Most bytes of a batch.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub max_batch_rows_buffer: u64,
}

impl ArtifactSpec {
    /// An artifact with default parameters and limits.
    #[must_use]
    pub fn of(artifact: &str) -> ArtifactSpec {
        ArtifactSpec {
            artifact: artifact.to_owned(),
            ..ArtifactSpec::default()
        }
    }
}

fn is_unset<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Answer of `POST clients/{client_id}/flows` and `POST clients/{client_id}/interrogate`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FlowStarted {
    /// Id of the new collection.
    pub flow_id: String,
}

/// Query string of `GET clients/{client_id}/flows`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct FlowsQuery {
    /// Text in id, artifact or creator.
    pub search: Option<String>,
    /// Only those in this state; `waiting`, `in_progress` and `unresponsive` all match every running collection.
    pub state: Option<String>,
    /// `created`, `last_active`, `rows`, `artifacts`, `state` or `creator`.
    pub sort: Option<String>,
    /// Sort in descending order, unless the value is `false`. Without `sort`, the newest come first.
    pub desc: Option<String>,
    /// How many to skip.
    pub offset: Option<u64>,
    /// How many to return: 100 by default, at most 1000.
    pub limit: Option<u64>,
}

/// Answer of `GET clients/{client_id}/flows`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FlowPage {
    /// How many match.
    pub total: u64,
    /// This page of them.
    pub flows: Vec<Flow>,
}

/// State of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FlowState {
    /// The machine has not started it.
    Waiting,
    /// The machine is working on it.
    InProgress,
    /// It was sent to the machine, which has been silent for a while.
    Unresponsive,
    /// It ended successfully.
    Finished,
    /// It failed; it may have rows from before.
    Error,
    /// A user cancelled it.
    Cancelled,
}

impl FlowState {
    /// The state's name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            FlowState::Waiting => "waiting",
            FlowState::InProgress => "in_progress",
            FlowState::Unresponsive => "unresponsive",
            FlowState::Finished => "finished",
            FlowState::Error => "error",
            FlowState::Cancelled => "cancelled",
        }
    }
}

/// Summary of a collection; also pushed as event `flow`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Flow {
    /// `F.` and 13 characters.
    pub flow_id: String,
    /// The client it runs on.
    pub client_id: String,
    /// Names of the artifacts collected.
    pub artifacts: Vec<String>,
    /// Its state.
    pub state: FlowState,
    /// Why it failed, or who cancelled it.
    pub status: Option<String>,
    /// The user who requested it.
    pub creator: String,
    /// When it was requested.
    pub created: String,
    /// When the machine started it.
    pub started: Option<String>,
    /// When the machine last worked on it.
    pub last_active: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// Time the machine spent on it.
    pub duration_ms: i64,
    /// Rows stored so far.
    pub rows: u64,
    /// Log lines stored so far.
    pub logs: u64,
    /// Files stored so far.
    pub uploaded_files: u64,
    /// Bytes of those files.
    pub uploaded_bytes: u64,
    /// Its tables that have rows.
    pub sources: Vec<FlowSource>,
    /// Whether it went ahead of other collections.
    pub urgent: bool,
}

/// A table of a collection.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FlowSource {
    /// `Artifact/Source`.
    pub name: String,
    /// Rows so far.
    pub rows: u64,
}

/// Answer of `GET clients/{client_id}/flows/{flow_id}`: everything about a collection.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FlowDetail {
    /// The summary; its members are part of this object.
    #[serde(flatten)]
    pub flow: Flow,
    /// Limits in force.
    pub limits: FlowLimits,
    /// The machine's last report about each of its queries.
    #[cfg_attr(test, ts(type = "Json"))]
    pub query_stats: Value,
    /// The [`CollectRequest`] it was made from, with secret values masked. Empty if it was not requested through the API.
    #[cfg_attr(test, ts(type = "Partial<CollectRequest> | null"))]
    pub request: Value,
    /// Files it uploaded.
    pub uploads: Vec<Upload>,
}

/// Limits in force; null for limits that were not recorded when the collection was stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct FlowLimits {
    /// Percent of one processor. Here and below, 0 is no limit.
    pub cpu_limit: Option<f32>,
    /// Most input and output operations per second.
    pub iops_limit: Option<f32>,
    /// Most seconds a query may take.
    pub timeout: Option<u64>,
    /// Most seconds without progress.
    pub progress_timeout: Option<f32>,
    /// Most rows.
    pub max_rows: Option<u64>,
    /// Most bytes of files.
    pub max_upload_bytes: Option<u64>,
    /// Most log lines.
    pub max_logs: Option<u64>,
}

/// A file uploaded by a collection; download it with `GET …/uploads/{number}`, where number is its index from 0.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Upload {
    /// Path on the machine.
    pub path: String,
    /// Accessor it was read with.
    pub accessor: String,
    /// Size on the machine.
    pub size: u64,
    /// Bytes stored.
    pub uploaded_size: u64,
    /// When the last byte arrived.
    pub finished_at: String,
}
