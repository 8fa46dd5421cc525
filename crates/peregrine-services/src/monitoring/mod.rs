//! Client monitoring: which event queries run on which clients.

mod artifacts;
mod table;
mod update;

pub use artifacts::{put_artifact, remove_artifact};
pub(crate) use table::TableCache;
pub use table::{get, reload, set, version};
pub use update::update_for;
