//! The parameters of a table request, from the query string.

use super::Filters;
use crate::{Error, Result};
use peregrine_api::table::TableParams;

/// Maximum rows of a page.
const MAX_PAGE: u64 = 10_000;

/// Checked parameters.
#[derive(Debug, Clone, Default)]
pub struct TableQuery {
    pub offset: u64,
    pub limit: u64,
    /// Column and direction (true: descending).
    pub sort: Option<(String, bool)>,
    pub filters: Filters,
}

impl TableQuery {
    /// Checks the parameters and fills in defaults.
    pub fn check(params: TableParams) -> Result<TableQuery> {
        let limit = params.limit.unwrap_or(200);
        if limit > MAX_PAGE {
            return Err(Error::BadRequest(format!("`limit` is at most {MAX_PAGE}")));
        }
        let descending = params.desc.is_some_and(|text| is_true(&text));
        Ok(TableQuery {
            offset: params.offset.unwrap_or(0),
            limit,
            sort: params
                .sort
                .filter(|column| !column.is_empty())
                .map(|column| (column, descending)),
            filters: Filters::parse(params.filter.as_deref().unwrap_or_default())?,
        })
    }
}

/// Whether a flag of a query string is set; a flag without a value is.
pub(super) fn is_true(text: &str) -> bool {
    matches!(text, "" | "1" | "true" | "yes")
}
