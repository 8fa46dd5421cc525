//! Collections: asked for, watched, read.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Body of `POST clients/{client_id}/flows` and `POST artifacts/compile`: what to collect. Limits that are zero are not set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct CollectRequest {
    /// What to collect; at least one.
    pub artifacts: Vec<ArtifactSpec>,
    /// Prefers `Custom.<name>` where there is one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub allow_custom_overrides: bool,
    /// Deprecated form of `cpu_limit`.
    #[serde(skip_serializing)]
    #[cfg_attr(test, ts(optional, as = "Option<f32>"))]
    pub ops_per_second: f32,
    /// Per cent of one processor.
    #[cfg_attr(test, ts(optional, as = "Option<f32>"))]
    pub cpu_limit: f32,
    /// Input and output operations per second.
    #[cfg_attr(test, ts(optional, as = "Option<f32>"))]
    pub iops_limit: f32,
    /// Seconds without progress.
    #[cfg_attr(test, ts(optional, as = "Option<f32>"))]
    pub progress_timeout: f32,
    /// Seconds a query may take.
    #[cfg_attr(test, ts(optional, as = "Option<u64>"))]
    pub timeout: u64,
    /// Rows of the collection.
    #[cfg_attr(test, ts(optional, as = "Option<u64>"))]
    pub max_rows: u64,
    /// Bytes uploaded by the collection.
    #[cfg_attr(test, ts(optional, as = "Option<u64>"))]
    pub max_upload_bytes: u64,
    /// Log lines of the collection.
    #[cfg_attr(test, ts(optional, as = "Option<u64>"))]
    pub max_logs: u64,
    /// Jumps the queue of the machine.
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub urgent: bool,
}

/// An artifact with parameters and limits of its own. Limits that are zero are not set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ArtifactSpec {
    /// `Name`, or `Name/Source` for one of its sources.
    pub artifact: String,
    /// Text of parameters that differ from their defaults.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Per cent of one processor.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub cpu_limit: f32,
    /// Seconds.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub timeout: u64,
    /// Seconds before a batch is sent.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub max_batch_wait: u64,
    /// Rows of a batch.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub max_batch_rows: u64,
    /// Bytes of a batch.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub max_batch_rows_buffer: u64,
}

impl ArtifactSpec {
    /// An artifact with its defaults.
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
    /// The collection that was made.
    pub flow_id: String,
}

/// Query string of `GET clients/{client_id}/flows`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct FlowsQuery {
    /// Text of id, artifact or creator.
    pub search: Option<String>,
    /// Only those in this state; those that run cannot be told apart here.
    pub state: Option<String>,
    /// `created`, `last_active`, `rows`, `artifacts`, `state` or `creator`.
    pub sort: Option<String>,
    /// The other way round, unless it says `false`. Without `sort` the newest come first.
    pub desc: Option<String>,
    /// How many to skip.
    pub offset: Option<u64>,
    /// How many to tell, at most 1000; 100 when nothing is said.
    pub limit: Option<u64>,
}

/// Answer of `GET clients/{client_id}/flows`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FlowPage {
    /// How many match.
    pub total: u64,
    /// Those of this page.
    pub flows: Vec<Flow>,
}

/// How far a collection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FlowState {
    /// The machine has not begun.
    Waiting,
    /// The machine works on it.
    InProgress,
    /// The machine worked on it, and has been silent for long.
    Unresponsive,
    /// It ended well.
    Finished,
    /// It failed; rows may have come before.
    Error,
    /// Somebody ended it.
    Cancelled,
}

impl FlowState {
    /// Its name in JSON.
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

/// A collection in short; also pushed, as event `flow`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Flow {
    /// `F.` and letters.
    pub flow_id: String,
    /// The machine.
    pub client_id: String,
    /// Names of what is collected.
    pub artifacts: Vec<String>,
    /// How far it is.
    pub state: FlowState,
    /// Why it failed, or who ended it.
    pub status: Option<String>,
    /// Who asked for it.
    pub creator: String,
    /// When it was asked for.
    pub created: String,
    /// When the machine began.
    pub started: Option<String>,
    /// When the machine last worked on it.
    pub last_active: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// How long the machine worked on it.
    pub duration_ms: i64,
    /// Rows so far.
    pub rows: u64,
    /// Log lines so far.
    pub logs: u64,
    /// Files so far.
    pub uploaded_files: u64,
    /// Bytes of these files.
    pub uploaded_bytes: u64,
    /// Tables with rows.
    pub sources: Vec<FlowSource>,
    /// It jumped the queue.
    pub urgent: bool,
}

/// A table of a collection.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FlowSource {
    /// `Artifact/Source`.
    pub name: String,
    /// Its rows so far.
    pub rows: u64,
}

/// Answer of `GET clients/{client_id}/flows/{flow_id}`: all about a collection.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FlowDetail {
    /// In short.
    #[serde(flatten)]
    pub flow: Flow,
    /// Limits in force.
    pub limits: FlowLimits,
    /// What the machine last said about each of its queries.
    #[cfg_attr(test, ts(type = "Json"))]
    pub query_stats: Value,
    /// The [`CollectRequest`] it was made from, as it was stored: with what must not be shown hidden. Empty for what was
    /// not asked for here.
    #[cfg_attr(test, ts(type = "Partial<CollectRequest> | null"))]
    pub request: Value,
    /// Files it brought.
    pub uploads: Vec<Upload>,
}

/// Limits in force; null for those a collection was stored without.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct FlowLimits {
    /// Per cent of one processor; 0 is without limit, as below.
    pub cpu_limit: Option<f32>,
    /// Input and output operations per second.
    pub iops_limit: Option<f32>,
    /// Seconds a query may take.
    pub timeout: Option<u64>,
    /// Seconds without progress.
    pub progress_timeout: Option<f32>,
    /// Rows.
    pub max_rows: Option<u64>,
    /// Bytes of files.
    pub max_upload_bytes: Option<u64>,
    /// Log lines.
    pub max_logs: Option<u64>,
}

/// A file a collection brought; `GET …/uploads/{number}` gives it, counted from 0.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Upload {
    /// Where it was on the machine.
    pub path: String,
    /// How it was read there.
    pub accessor: String,
    /// Its size there.
    pub size: u64,
    /// Bytes that are stored.
    pub uploaded_size: u64,
    /// When the last of them came.
    pub finished_at: String,
}
