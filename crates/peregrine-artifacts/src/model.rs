//! An artifact as its author wrote it.

use crate::error::Error;
use crate::kind::Kind;
use crate::parameter::Parameter;
use crate::section::Section;
use crate::syntax::Parsed;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};

/// A definition. Cheap to share behind an [`Arc`]; its VQL is parsed once, when first needed.
#[derive(Debug, Clone, Default)]
pub struct Artifact {
    /// Dotted name.
    pub name: String,
    /// Other names of the artifact.
    pub aliases: Vec<String>,
    /// Markdown.
    pub description: String,
    /// Who wrote it.
    pub author: String,
    /// Links, in Markdown (both spellings of the key).
    pub references: Vec<String>,
    /// Where it runs.
    pub kind: Kind,
    /// If it yields no row, nothing runs.
    pub precondition: Option<Section>,
    /// In declaration order.
    pub parameters: Vec<Parameter>,
    /// In declaration order; may be empty.
    pub sources: Vec<Source>,
    /// Statements run before every source, including those of importers.
    pub export: Option<Section>,
    /// Artifacts whose `export` is run.
    pub imports: Vec<String>,
    /// How columns are shown.
    pub column_types: Vec<ColumnType>,
    /// Programs it needs.
    pub tools: Vec<Tool>,
    /// Limits it asks for.
    pub resources: Resources,
    /// Permissions needed to launch it.
    pub required_permissions: Vec<String>,
    /// Permissions its author vouches for.
    pub implied_permissions: Vec<String>,
    /// The user a server artifact runs as.
    pub impersonate: String,
    /// Deprecated report templates.
    pub reports: Vec<Report>,
    /// The text as loaded.
    pub raw: Arc<str>,
    /// Where the definition came from.
    pub origin: Origin,
    /// For a copy under another name: its original name.
    pub alias_of: Option<String>,
    pub(crate) parsed: OnceLock<Result<Arc<Parsed>, Error>>,
}

/// Where a definition came from, which decides who may change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// Part of the binary.
    CompiledIn,
    /// A folder named in the configuration or on the command line.
    BuiltIn,
    /// Written by a user.
    #[default]
    Custom,
}

impl Artifact {
    /// True for definitions of the product, which cannot be changed or deleted.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        self.origin != Origin::Custom
    }

    /// The source called `name` (empty for one without a name).
    #[must_use]
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// The names of those sources that have one.
    pub(crate) fn source_names(&self) -> Vec<String> {
        let names = self.sources.iter().map(|source| source.name.clone());
        names.filter(|name| !name.is_empty()).collect()
    }

    /// The declared parameter called `name`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// Name of the result set of one source.
    #[must_use]
    pub fn result_name(&self, source: &Source) -> String {
        if source.name.is_empty() {
            self.name.clone()
        } else {
            format!("{}/{}", self.name, source.name)
        }
    }

    /// This definition reduced to one source.
    pub(crate) fn with_only_source(&self, source: &str) -> Option<Artifact> {
        let only = self.source(source)?.clone();
        Some(Artifact {
            sources: vec![only],
            parsed: OnceLock::new(),
            ..self.clone()
        })
    }
}

/// One query of an artifact.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// May be empty.
    pub name: String,
    /// Markdown.
    pub description: String,
    /// If it yields no row, this source does not run.
    pub precondition: Option<Section>,
    /// The statements.
    pub query: Option<Section>,
    /// Suggested notebook cells.
    pub notebook: Vec<NotebookCell>,
}

/// A suggested cell of a notebook.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct NotebookCell {
    /// `vql`, `md`, `markdown`, `vql_suggestion`, `none` or `notebook`.
    #[serde(rename = "type", deserialize_with = "crate::yaml::text")]
    pub kind: String,
    /// Shown in menus.
    #[serde(deserialize_with = "crate::yaml::text")]
    pub name: String,
    /// The cell's text.
    #[serde(deserialize_with = "crate::yaml::text")]
    pub template: String,
    /// HTML shown before the cell is calculated.
    #[serde(deserialize_with = "crate::yaml::text")]
    pub output: String,
    /// Variables of the cell.
    #[serde(deserialize_with = "crate::yaml::list")]
    pub env: Vec<CellVariable>,
}

/// A variable of a notebook cell.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct CellVariable {
    /// Its name.
    #[serde(deserialize_with = "crate::yaml::text")]
    pub key: String,
    /// Its value.
    #[serde(deserialize_with = "crate::yaml::text")]
    pub value: String,
}

/// How a column is shown.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnType {
    /// The column.
    #[serde(deserialize_with = "crate::yaml::text")]
    pub name: String,
    /// The renderer; for unknown ones, it is guessed.
    #[serde(rename = "type", deserialize_with = "crate::yaml::text")]
    pub kind: String,
    /// Markdown.
    #[serde(deserialize_with = "crate::yaml::text")]
    pub description: String,
}

/// Limits; zero means not set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Resources {
    /// Seconds a query may take.
    pub timeout: u64,
    /// Maximum number of rows of the whole collection.
    pub max_rows: u64,
    /// Maximum number of bytes uploaded by the whole collection.
    pub max_upload_bytes: u64,
    /// Deprecated form of `cpu_limit`.
    pub ops_per_second: f32,
    /// Per cent of one processor.
    pub cpu_limit: f32,
    /// Input and output operations per second.
    pub iops_limit: f32,
    /// Seconds to wait before a batch of rows is sent.
    pub max_batch_wait: u64,
    /// Maximum number of rows in a batch.
    pub max_batch_rows: u64,
    /// Maximum number of bytes in a batch.
    pub max_batch_rows_buffer: u64,
}

/// A program that an artifact needs, as declared.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tool {
    #[serde(deserialize_with = "crate::yaml::text")]
    pub name: String,
    #[serde(deserialize_with = "crate::yaml::text")]
    pub url: String,
    #[serde(deserialize_with = "crate::yaml::text")]
    pub github_project: String,
    #[serde(deserialize_with = "crate::yaml::text")]
    pub github_asset_regex: String,
    pub serve_locally: bool,
    #[serde(deserialize_with = "crate::yaml::text")]
    pub expected_hash: String,
    #[serde(deserialize_with = "crate::yaml::text")]
    pub version: String,
    #[serde(deserialize_with = "crate::yaml::text")]
    pub filename: String,
    #[serde(deserialize_with = "crate::yaml::text")]
    pub hash: String,
    #[serde(deserialize_with = "crate::yaml::text")]
    pub filestore_path: String,
    #[serde(deserialize_with = "crate::yaml::text")]
    pub serve_url: String,
    #[serde(deserialize_with = "crate::yaml::list")]
    pub serve_urls: Vec<String>,
    pub admin_override: bool,
    #[serde(deserialize_with = "crate::yaml::text")]
    pub invalid_hash: String,
    #[serde(deserialize_with = "crate::yaml::list")]
    pub versions: Vec<Tool>,
}

/// A deprecated report template.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Report {
    /// Its purpose.
    #[serde(rename = "type", deserialize_with = "crate::yaml::text")]
    pub kind: String,
    /// Shown in menus.
    #[serde(deserialize_with = "crate::yaml::text")]
    pub name: String,
    /// Its text.
    #[serde(deserialize_with = "crate::yaml::text")]
    pub template: String,
    /// Seconds.
    pub timeout: u64,
    /// Its own parameters.
    #[serde(deserialize_with = "crate::yaml::list")]
    pub parameters: Vec<Parameter>,
}

/// Data that administrators attach to an artifact's name, built-in or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Metadata {
    /// Not offered in pickers.
    pub hidden: bool,
    /// May be launched with `COLLECT_BASIC`.
    pub basic: bool,
    /// Free-form tags.
    pub tags: Vec<String>,
}
