//! Tables of rows: pages, filters, counts of a column's values, exports.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Query string of tables: `GET audit` and `GET clients/{client_id}/flows/{flow_id}/logs`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct TableParams {
    /// How many rows to skip.
    pub offset: Option<u64>,
    /// How many rows to return: 200 by default, at most 10,000.
    pub limit: Option<u64>,
    /// Column to sort by; by default rows are in the order in which they were stored.
    pub sort: Option<String>,
    /// Sort in descending order: `1`, `true`, `yes` or an empty value.
    pub desc: Option<String>,
    /// A JSON list of [`Condition`]s, all of which must hold.
    pub filter: Option<String>,
}

/// Query string of `GET clients/{client_id}/flows/{flow_id}/results`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct ResultsQuery {
    /// `Artifact/Source`; by default the first table.
    pub source: Option<String>,
    /// As in [`TableParams`], like the members below.
    pub offset: Option<u64>,
    /// How many rows to return.
    pub limit: Option<u64>,
    /// Column to sort by.
    pub sort: Option<String>,
    /// Sort in descending order.
    pub desc: Option<String>,
    /// Conditions, in JSON.
    pub filter: Option<String>,
}

impl ResultsQuery {
    /// The part that concerns the table.
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
    /// `Artifact/Source`; by default the first table.
    pub source: Option<String>,
    /// The column whose values are counted.
    pub column: String,
    /// As in [`TableParams`].
    pub filter: Option<String>,
}

/// Query string of `GET clients/{client_id}/flows/{flow_id}/results/export`. Rows are in the order they were stored.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    /// `Artifact/Source`; by default the first table.
    pub source: Option<String>,
    /// File format.
    pub format: ExportFormat,
    /// Column names separated by commas; by default all columns.
    pub columns: Option<String>,
    /// As in [`TableParams`].
    pub filter: Option<String>,
}

/// File formats of exported tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// Comma-separated values, for spreadsheets.
    Csv,
    /// A JSON list of objects.
    Json,
    /// One JSON object per line.
    Jsonl,
}

impl ExportFormat {
    /// Extension of the file name.
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
    /// Name of the column; `*` is any column.
    pub column: String,
    /// `contains`, `eq`, `regex`, `lt`, `le`, `gt`, `ge`, `is_null` or `in`, or the opposite: `ne`, `not_null`, or one of
    /// the others with the prefix `not_`.
    pub op: String,
    /// Value to compare cells with; a list for `in`.
    #[serde(default)]
    #[cfg_attr(test, ts(type = "Json"))]
    pub value: Value,
}

/// A page of a table.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TablePage {
    /// Columns of these rows; those of the table's first row come first.
    pub columns: Vec<Column>,
    /// Exact number of matching rows.
    pub total: u64,
    /// Rows skipped before this page.
    pub offset: u64,
    /// Cells in column order.
    #[cfg_attr(test, ts(type = "Array<Array<Json>>"))]
    pub rows: Vec<Vec<Value>>,
    /// Whether the table is final, so that no more rows will be added.
    pub complete: bool,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Column {
    /// Its name.
    pub name: String,
    /// How to show it: declared by the artifact, else guessed from the values; omitted if there are none to guess from.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub kind: Option<String>,
}

/// How often each value of a column appears.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Facets {
    /// The most frequent values, in descending order of frequency.
    pub values: Vec<Facet>,
    /// Number of distinct values.
    pub distinct: u64,
    /// Number of rows counted.
    pub total: u64,
}

/// A value of a column.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Facet {
    /// The value.
    #[cfg_attr(test, ts(type = "Json"))]
    pub value: Value,
    /// Number of rows that have it.
    pub count: u64,
}
