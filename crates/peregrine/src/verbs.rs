//! The verbs, one a file.

pub(crate) mod agent;
pub(crate) mod artifacts;
pub(crate) mod describe;
pub(crate) mod golden;
pub(crate) mod gui;
pub(crate) mod lsp;
mod printing;
pub(crate) mod query;
mod running;
pub(crate) mod server;
mod session;
pub(crate) mod shell;
pub(crate) mod starlark_worker;
mod stored;
mod terminal_log;
mod verify;
pub(crate) mod vql;
