//! Monitoring: which event queries run on which clients, and on the server.

mod artifacts;
pub mod server;
mod table;
mod update;

pub use artifacts::{put_artifact, remove_artifact};
pub(crate) use table::TableCache;
pub use table::{get, reload, set, version};
pub use update::update_for;

use crate::{Core, Result, launch};
use peregrine_artifacts::resources::Limits;
use peregrine_artifacts::{CompiledRequest, Spec, Target};

/// The requests of one artifact of a table.
async fn compile(core: &Core, spec: &Spec, target: Target) -> Result<Vec<CompiledRequest>> {
    let found = launch::find(core, std::slice::from_ref(spec), false, target)?;
    Ok(found.compile(core, &Limits::default()).await?.requests)
}
