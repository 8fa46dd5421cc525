//! Client monitoring: which event queries run on which clients.

mod table;
mod update;

pub(crate) use table::TableCache;
pub use table::{get, reload, set};
pub use update::update_for;
