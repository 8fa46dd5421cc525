//! Tables of rows: pages, filters, values of a column, files.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Query string of tables: `GET audit` and `GET clients/{client_id}/flows/{flow_id}/logs`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct TableParams {
    /// How many rows to skip.
    pub offset: Option<u64>,
    /// How many rows to tell, at most 10,000; 200 when nothing is said.
    pub limit: Option<u64>,
    /// The column to sort by; otherwise rows come as they were stored.
    pub sort: Option<String>,
    /// Descending: empty, `1`, `true` or `yes`.
    pub desc: Option<String>,
    /// A JSON list of [`Condition`]s, all of which must hold.
    pub filter: Option<String>,
}

/// Query string of `GET clients/{client_id}/flows/{flow_id}/results`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct ResultsQuery {
    /// `Artifact/Source`; otherwise the first table.
    pub source: Option<String>,
    /// As in [`TableParams`], like those below.
    pub offset: Option<u64>,
    /// How many rows.
    pub limit: Option<u64>,
    /// A column.
    pub sort: Option<String>,
    /// Descending.
    pub desc: Option<String>,
    /// Conditions.
    pub filter: Option<String>,
}

impl ResultsQuery {
    /// What is asked of the table.
    pub fn table(self) -> TableParams {
        TableParams {
            offset: self.offset,
            limit: self.limit,
            sort: self.sort,
            desc: self.desc,
            filter: self.filter,
        }
    }
}

/// Query string of `GET clients/{client_id}/flows/{flow_id}/results/facets`.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(deny_unknown_fields)]
pub struct FacetsQuery {
    /// `Artifact/Source`; otherwise the first table.
    pub source: Option<String>,
    /// The column whose values are counted.
    pub column: String,
    /// As in [`TableParams`].
    pub filter: Option<String>,
}

/// Query string of `GET clients/{client_id}/flows/{flow_id}/results/export`. Rows come as they were stored.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    /// `Artifact/Source`; otherwise the first table.
    pub source: Option<String>,
    /// The kind of file.
    pub format: ExportFormat,
    /// Names of columns with commas between them; otherwise all.
    pub columns: Option<String>,
    /// As in [`TableParams`].
    pub filter: Option<String>,
}

/// Kinds of files tables are exported as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// With commas, for spreadsheets.
    Csv,
    /// A list of objects.
    Json,
    /// One object per line.
    Jsonl,
}

impl ExportFormat {
    /// Ending of the file's name.
    pub fn extension(self) -> &'static str {
        match self {
            ExportFormat::Csv => "csv",
            ExportFormat::Json => "json",
            ExportFormat::Jsonl => "jsonl",
        }
    }
}

/// A condition of a filter.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The column; `*` is any.
    pub column: String,
    /// `contains`, `eq`, `regex`, `lt`, `le`, `gt`, `ge`, `is_null`, `in`, and the opposite of each: `ne`, `not_null`,
    /// `not_` before the others.
    pub op: String,
    /// What cells are compared with; a list for `in`.
    #[serde(default)]
    #[cfg_attr(test, ts(type = "Json"))]
    pub value: Value,
}

/// A page of a table.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TablePage {
    /// Columns of these rows, those of the table's first row before others.
    pub columns: Vec<Column>,
    /// How many rows match, exactly.
    pub total: u64,
    /// How many were skipped.
    pub offset: u64,
    /// Cells in column order.
    #[cfg_attr(test, ts(type = "Array<Array<Json>>"))]
    pub rows: Vec<Vec<Value>>,
    /// No more rows will come.
    pub complete: bool,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Column {
    /// Its name.
    pub name: String,
    /// How to show it: declared by the artifact, else guessed from the values; left out when there is nothing to guess from.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub kind: Option<String>,
}

/// How often each value of a column appears.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Facets {
    /// The most frequent ones, in that order.
    pub values: Vec<Facet>,
    /// How many different ones there are.
    pub distinct: u64,
    /// How many rows were counted.
    pub total: u64,
}

/// A value of a column.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Facet {
    /// The value.
    #[cfg_attr(test, ts(type = "Json"))]
    pub value: Value,
    /// Rows that have it.
    pub count: u64,
}
