//! Running programs.

mod command;
mod execve;
mod session;
mod shell_session;
mod shell_session_control;

use peregrine_engine::prelude::*;

pub(crate) const PLUGINS: &[PluginDef] = plugins![execve::Execve];

pub(crate) const FUNCTIONS: &[FunctionDef] = functions![
    shell_session::ShellSession,
    shell_session_control::ShellSessionControl
];
