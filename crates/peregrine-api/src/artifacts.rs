//! Artifacts: what can be collected, and what a collection request compiles to.

use crate::flows::CollectRequest;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// Query string of `GET artifacts`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct ArtifactsQuery {
    /// Words from name, description or author.
    pub search: Option<String>,
    /// Only of this type, such as `client_event`.
    pub r#type: Option<String>,
    /// Only those for this operating system, or for any.
    pub os: Option<String>,
}

/// Answer of `GET artifacts`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ArtifactList {
    /// Sorted by name.
    pub artifacts: Vec<Artifact>,
}

/// An artifact's definition, as far as clients of the API need it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Artifact {
    /// Its name, such as `Linux.Sys.Pslist`.
    pub name: String,
    /// Where it runs, such as `client`.
    pub r#type: String,
    /// Description for analysts, in Markdown.
    pub description: String,
    /// Who wrote it.
    pub author: String,
    /// Whether it is part of the program.
    pub built_in: bool,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// Its sources; each produces a table.
    pub sources: Vec<Source>,
    /// A query that runs on the machine and decides whether the artifact applies there.
    pub precondition: Option<String>,
    /// Where to read more.
    pub references: Vec<String>,
    /// How to show some of the columns.
    pub column_types: Vec<ColumnType>,
    /// Limits it sets; null if it sets none.
    pub resources: Option<Resources>,
    /// Further permissions needed to launch it.
    pub required_permissions: Vec<String>,
    /// Whether users who only have `COLLECT_BASIC` may collect it.
    pub basic: bool,
    /// The definition as written; only if a single artifact is requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub raw: Option<String>,
}

/// A parameter of an artifact.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// How the value is parsed, such as `int` or `csv`.
    pub r#type: String,
    /// Default value; always empty for secret parameters.
    pub default: String,
    /// What it does.
    pub description: String,
    /// Display name; may be empty.
    pub friendly_name: String,
    /// Allowed values; empty if any value is allowed.
    pub choices: Vec<String>,
    /// Regex the value must match; empty if there is none.
    pub validating_regex: String,
}

/// A source of an artifact.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Source {
    /// Empty if it is the only source.
    pub name: String,
    /// Describes its rows.
    pub description: String,
}

/// How to show a column.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ColumnType {
    /// Name of the column.
    pub name: String,
    /// The type, such as `timestamp`.
    pub r#type: String,
    /// Describes its content.
    pub description: String,
}

/// Limits an artifact sets; those it does not set are omitted.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Resources {
    /// Most seconds a query may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// Most rows of the collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
    /// Most bytes the collection may upload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_upload_bytes: Option<u64>,
    /// Deprecated form of `cpu_limit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ops_per_second: Option<f32>,
    /// Percent of one processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_limit: Option<f32>,
    /// Most input and output operations per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iops_limit: Option<f32>,
    /// Most seconds before a batch of rows is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_batch_wait: Option<u64>,
    /// Most rows of a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_batch_rows: Option<u64>,
    /// Most bytes of a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_batch_rows_buffer: Option<u64>,
}

/// Answer of `POST artifacts/compile`, whose body is a [`CollectRequest`]: what would be sent to the agent.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Compiled {
    /// One for each source.
    pub requests: Vec<CompiledRequest>,
    /// Equivalent query for a notebook.
    pub equivalent_vql: String,
    /// Equivalent call of this API.
    pub equivalent_api: EquivalentCall,
    /// Most rows of the collection; 0 is no limit.
    pub max_rows: u64,
    /// Most bytes it may upload; 0 is no limit.
    pub max_upload_bytes: u64,
}

/// A request to the agent.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CompiledRequest {
    /// Its VQL statements, in order.
    pub statements: Vec<String>,
    /// Values of its variables, in order; secret ones are masked.
    #[cfg_attr(test, ts(as = "std::collections::BTreeMap<String, String>"))]
    pub env: IndexMap<String, String>,
    /// Most seconds it may take.
    pub timeout: u64,
    /// Percent of one processor; 0 is no limit.
    pub cpu_limit: f32,
}

/// A call that does the same as the request.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EquivalentCall {
    /// HTTP method.
    pub method: String,
    /// Path with a placeholder for the client's id.
    pub path: String,
    /// Body, with secret values masked.
    pub body: CollectRequest,
}
