//! What is asked of a table, from the query string.

use super::Filters;
use crate::{Error, Result};
use serde::Deserialize;

/// Most rows of a page.
const MAX_PAGE: u64 = 10_000;

/// The query string's parameters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TableParams {
    offset: Option<u64>,
    limit: Option<u64>,
    sort: Option<String>,
    desc: Option<String>,
    filter: Option<String>,
}

/// The checked question.
#[derive(Debug, Clone, Default)]
pub struct TableQuery {
    pub offset: u64,
    pub limit: u64,
    /// Column and direction (true: descending).
    pub sort: Option<(String, bool)>,
    pub filters: Filters,
}

impl TableParams {
    pub fn check(self) -> Result<TableQuery> {
        let limit = self.limit.unwrap_or(200);
        if limit > MAX_PAGE {
            return Err(Error::BadRequest(format!("`limit` is at most {MAX_PAGE}")));
        }
        let descending = self.desc.is_some_and(|text| is_true(&text));
        Ok(TableQuery {
            offset: self.offset.unwrap_or(0),
            limit,
            sort: self
                .sort
                .filter(|column| !column.is_empty())
                .map(|column| (column, descending)),
            filters: Filters::parse(self.filter.as_deref().unwrap_or_default())?,
        })
    }
}

/// Whether a flag of a query string is set.
pub(super) fn is_true(text: &str) -> bool {
    matches!(text, "" | "1" | "true" | "yes")
}
