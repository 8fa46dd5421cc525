//! Monitoring: which event queries run on which clients, and on the server.

mod artifacts;
pub mod server;
mod table;
mod update;

pub use artifacts::{put_artifact, remove_artifact};
pub(crate) use table::TableCache;
pub use table::{get, reload, set, version};
pub use update::update_for;
