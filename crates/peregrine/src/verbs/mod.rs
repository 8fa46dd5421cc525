//! The verbs, one per file. Those of a server, and those for authors of queries, can be left out of the
//! program.

pub(crate) mod agent;
pub(crate) mod artifacts;
pub(crate) mod program_guard;
pub(crate) mod query;
mod verify;
pub(crate) mod vql;

#[cfg(feature = "starlark")]
pub(crate) mod starlark_worker;

#[cfg(feature = "tools")]
pub(crate) mod describe;
#[cfg(feature = "tools")]
pub(crate) mod golden;
#[cfg(feature = "tools")]
pub(crate) mod lsp;
#[cfg(feature = "tools")]
pub(crate) mod pool_client;
#[cfg(feature = "tools")]
pub(crate) mod shell;

#[cfg(feature = "server")]
pub(crate) mod config;
#[cfg(feature = "server")]
pub(crate) mod gui;
#[cfg(feature = "server")]
pub(crate) mod server;
#[cfg(feature = "server")]
pub(crate) mod user;

/// This very program, even if its file has been replaced by a newer one since it started.
fn own_program() -> std::path::PathBuf {
    const SELF: &str = "/proc/self/exe";
    match std::env::current_exe() {
        Ok(path) if !std::path::Path::new(SELF).exists() => path,
        _ => SELF.into(),
    }
}
