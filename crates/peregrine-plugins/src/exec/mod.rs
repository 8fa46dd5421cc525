//! Running programs.

mod command;
mod execve;
mod guard;
mod guarding;
mod orphans;
mod session;
mod shell_session;
mod shell_session_control;

pub use guard::ProgramGuard;
pub use guarding::guard_program;
use peregrine_engine::prelude::*;

pub(crate) const PLUGINS: &[PluginDef] = plugins![execve::Execve];

pub(crate) const FUNCTIONS: &[FunctionDef] = functions![
    shell_session::ShellSession,
    shell_session_control::ShellSessionControl
];
