//! `peregrine program-guard`: ends what queries started when this program is killed. Started by queries, never by people.

use super::agent::SMALL_HEAP;
use peregrine_plugins::ProgramGuard;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

/// The name of the verb.
const VERB: &str = "program-guard";

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    peregrine_plugins::guard_programs()?;
    Ok(ExitCode::SUCCESS)
}

/// What every context of this program registers as an extension: one guard for all its queries.
pub(crate) fn guard() -> Arc<ProgramGuard> {
    static GUARD: LazyLock<Arc<ProgramGuard>> =
        LazyLock::new(|| Arc::new(ProgramGuard::new(super::own_program(), [VERB], SMALL_HEAP)));
    Arc::clone(&GUARD)
}
