//! Tables over stored rows: pages, filters, sorting, facets, exports. Rows stream through in blocks; what is kept in
//! memory is row numbers, never rows.

pub(crate) mod cells;
mod columns;
mod export;
mod facets;
mod filter;
mod lenient;
mod moment;
mod page;
mod query;
mod source;
mod view;

pub(crate) use cells::Row;
pub(crate) use columns::Column;
pub(crate) use export::{Format, export};
pub(crate) use facets::facets;
pub(crate) use filter::Filters;
pub(crate) use page::{TablePage, page};
pub(crate) use query::{TableParams, TableQuery};
pub(crate) use source::{AuditSource, RowSource, SetSource, scan};
pub(crate) use view::ViewCache;
