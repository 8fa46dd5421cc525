//! Tables over stored rows: pages, filters, sorting, facets, exports. Rows are streamed in blocks; only row numbers and sort
//! keys are kept in memory, never whole rows.

pub mod cells;
mod columns;
mod cursor;
mod export;
mod facets;
mod filter;
mod hunt_rows;
mod lenient;
mod moment;
mod page;
mod query;
mod source;
mod view;

pub use cells::Row;
pub use columns::declared as declared_columns;
pub use cursor::{Batch, Cursor};
pub use export::export;
pub use facets::facets as count_values;
pub use filter::Filters;
pub use hunt_rows::HuntRows;
pub use page::page;
pub use query::TableQuery;
pub use source::{AuditSource, RowSource, SetSource, scan};
pub(crate) use view::ViewCache;
