//! `peregrine program-guard`: the process between a query and a program it runs. Started by queries, never by
//! people.

use peregrine_plugins::ProgramGuard;
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

/// The name of the verb.
const VERB: &str = "program-guard";

/// Arguments of `program-guard`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The program and its arguments.
    #[arg(last = true)]
    argv: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    peregrine_plugins::guard_program(&args.argv)?;
    Ok(ExitCode::SUCCESS)
}

/// The extension that every context of this program registers.
pub(crate) fn guard() -> Arc<ProgramGuard> {
    static GUARD: LazyLock<Arc<ProgramGuard>> =
        LazyLock::new(|| Arc::new(ProgramGuard::new(super::own_program(), [VERB])));
    Arc::clone(&GUARD)
}
