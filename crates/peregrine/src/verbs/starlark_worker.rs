//! `peregrine starlark-worker`: the process in which `starl()` runs a script. Started by queries, never by people.

use crate::small_heap::SETTINGS;
use peregrine_starlark::WorkerProgram;
use std::process::ExitCode;
use std::sync::Arc;

/// The name of the verb.
const VERB: &str = "starlark-worker";

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    peregrine_starlark::worker::run().map_err(anyhow::Error::msg)?;
    Ok(ExitCode::SUCCESS)
}

/// The extension that every context of this program registers.
pub(crate) fn program() -> Arc<WorkerProgram> {
    // An allocator that reserves a large piece of address space at once would use up the script's limit.
    let program = SETTINGS.iter().fold(
        WorkerProgram::new(super::own_program()),
        |program, (name, value)| program.env(name, value),
    );
    Arc::new(program.arg(VERB))
}
