//! Endpoints, their keys, labels and search terms.

mod facts;
mod found;
mod id_set;
mod pattern;
mod recent;
mod record;
mod search;
mod sql;
mod suggest;
mod terms;

pub use pattern::TermPattern;
pub use record::*;

pub(crate) use facts::merge_facts;
pub(crate) use sql::load;
