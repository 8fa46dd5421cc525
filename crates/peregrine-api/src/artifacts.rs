//! Artifacts: what can be collected, and what a request for it becomes.

use crate::flows::CollectRequest;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// Query string of `GET artifacts`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct ArtifactsQuery {
    /// Words of name, description or author.
    pub search: Option<String>,
    /// Only of this type, such as `client_event`.
    pub r#type: Option<String>,
    /// Only those made for this operating system, or for any.
    pub os: Option<String>,
}

/// Answer of `GET artifacts`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ArtifactList {
    /// In order of their names.
    pub artifacts: Vec<Artifact>,
}

/// A definition, as far as those who collect it must know it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Artifact {
    /// Its name, such as `Linux.Sys.Pslist`.
    pub name: String,
    /// Where it runs, such as `client`.
    pub r#type: String,
    /// For analysts, in Markdown.
    pub description: String,
    /// Who wrote it.
    pub author: String,
    /// It came with the program.
    pub built_in: bool,
    /// What can be set.
    pub parameters: Vec<Parameter>,
    /// What it brings: a table each.
    pub sources: Vec<Source>,
    /// A query that tells on the machine whether it runs there.
    pub precondition: Option<String>,
    /// Where to read more.
    pub references: Vec<String>,
    /// How to show some of its columns.
    pub column_types: Vec<ColumnType>,
    /// Limits it asks for; null when it asks for none.
    pub resources: Option<Resources>,
    /// What one must hold besides to launch it.
    pub required_permissions: Vec<String>,
    /// People with `COLLECT_BASIC` alone may collect it.
    pub basic: bool,
    /// The definition as it was written; only where one artifact is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub raw: Option<String>,
}

/// What can be set for a collection.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// How its text is read, such as `int` or `csv`.
    pub r#type: String,
    /// What holds when nothing is given; empty for what must not be shown.
    pub default: String,
    /// What it does.
    pub description: String,
    /// A name for people; may be empty.
    pub friendly_name: String,
    /// What may be chosen, where that is all.
    pub choices: Vec<String>,
    /// What its text must match; may be empty.
    pub validating_regex: String,
}

/// A table of an artifact.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Source {
    /// Empty where it is the only one.
    pub name: String,
    /// What its rows are.
    pub description: String,
}

/// How to show a column.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ColumnType {
    /// The column.
    pub name: String,
    /// The type, such as `timestamp`.
    pub r#type: String,
    /// What stands in it.
    pub description: String,
}

/// Limits an artifact asks for; what is not set is left out.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Resources {
    /// Seconds a query may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// Rows of the collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
    /// Bytes uploaded by the collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_upload_bytes: Option<u64>,
    /// Deprecated form of `cpu_limit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ops_per_second: Option<f32>,
    /// Per cent of one processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_limit: Option<f32>,
    /// Input and output operations per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iops_limit: Option<f32>,
    /// Seconds before a batch of rows is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_batch_wait: Option<u64>,
    /// Rows of a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_batch_rows: Option<u64>,
    /// Bytes of a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_batch_rows_buffer: Option<u64>,
}

/// Answer of `POST artifacts/compile`, whose body is a [`CollectRequest`]: what would be sent to the machine.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Compiled {
    /// One for each source.
    pub requests: Vec<CompiledRequest>,
    /// The same as a query for a notebook.
    pub equivalent_vql: String,
    /// The same as a call of this API.
    pub equivalent_api: EquivalentCall,
    /// Rows the collection may bring; 0 is without limit.
    pub max_rows: u64,
    /// Bytes it may upload.
    pub max_upload_bytes: u64,
}

/// A request to the agent.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CompiledRequest {
    /// Its VQL statements, in order.
    pub statements: Vec<String>,
    /// Text of its variables, in their order; what must not be shown is hidden.
    #[cfg_attr(test, ts(as = "std::collections::BTreeMap<String, String>"))]
    pub env: IndexMap<String, String>,
    /// Seconds it may take.
    pub timeout: u64,
    /// Per cent of one processor; 0 is without limit.
    pub cpu_limit: f32,
}

/// A call that does the same.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EquivalentCall {
    /// HTTP method.
    pub method: String,
    /// Path, with the client's id to be filled in.
    pub path: String,
    /// Body, with what must not be shown hidden.
    pub body: CollectRequest,
}
