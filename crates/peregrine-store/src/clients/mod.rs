//! Endpoints, their keys and labels.

mod facts;
mod filter;
mod record;
mod sql;
mod terms;

pub use record::*;

pub(crate) use facts::merge_facts;
pub(crate) use sql::load;
