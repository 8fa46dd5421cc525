//! The verbs, one a file.

pub(crate) mod agent;
pub(crate) mod artifacts;
pub(crate) mod describe;
pub(crate) mod golden;
pub(crate) mod gui;
pub(crate) mod lsp;
mod printing;
pub(crate) mod program_guard;
pub(crate) mod query;
mod running;
pub(crate) mod server;
mod session;
pub(crate) mod shell;
pub(crate) mod starlark_worker;
mod stored;
mod terminal_log;
mod terminal_password;
pub(crate) mod user;
mod verify;
pub(crate) mod vql;

/// This very program, even when its file was replaced by a newer one since it started.
fn own_program() -> std::path::PathBuf {
    const SELF: &str = "/proc/self/exe";
    match std::env::current_exe() {
        Ok(path) if !std::path::Path::new(SELF).exists() => path,
        _ => SELF.into(),
    }
}
