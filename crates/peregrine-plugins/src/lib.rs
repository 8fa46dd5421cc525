//! VQL plugins that run anywhere, and the functions that belong to them; one per file, in the folders of the
//! manual.
//!
//! Deliberately absent: anything about the server, and functions that need no machine
//! (`peregrine-functions`).
#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods)] // the reasons are in clippy.toml
#![expect(unreachable_pub, reason = "types of plugins are named only by the lists")]

mod control;
mod events;
mod exec;
mod files;
mod foreign;
mod host;
mod machine;
mod net;
mod process;
mod text;

pub use exec::{ProgramGuard, guard_program};
pub use host::info::{go_architecture, program_start};
pub use host::trace::RecentLog;
pub use machine::MachineHandle;
pub use process::tracker::StateFolder;

use peregrine_engine::prelude::*;

/// All plugins of this crate.
pub const PLUGINS: &[&[PluginDef]] = &[
    #[cfg(feature = "efivariables")]
    plugins![host::efivariables::Efivariables],
    plugins![
        events::ebpf_events::EbpfEvents,
        events::process_events::ProcessEvents,
        events::watch_ebpf::WatchEbpf,
        files::cat::Cat,
        files::glob::Glob,
        files::read_file::ReadFile,
        files::stat::Stat,
        files::unzip::Unzip,
        files::vfs_ls::VfsLs,
        host::environ::Environ,
        host::filesystems::Filesystems,
        host::info::Info,
        host::partitions::Partitions,
        host::users::Users,
        net::connections::Connections,
        net::http_client::HttpClient,
        net::interfaces::Interfaces,
        net::netcat::Netcat,
        net::netstat::Netstat,
        process::pslist::Pslist,
    ],
    process::tracker::PLUGINS,
    control::PLUGINS,
    exec::PLUGINS,
    foreign::PLUGINS,
    text::PLUGINS,
];

/// All functions of this crate.
pub const FUNCTIONS: &[&[FunctionDef]] = &[
    functions![
        events::process_event_source::ProcessEventSource,
        host::info::InfoFunction,
        host::trace::Trace,
    ],
    exec::FUNCTIONS,
    process::tracker::FUNCTIONS,
];

/// Adds all of them to a registry.
#[must_use]
pub fn register(mut registry: Registry) -> Registry {
    for functions in FUNCTIONS {
        registry = registry.with_functions(functions);
    }
    for plugins in PLUGINS {
        registry = registry.with_plugins(plugins);
    }
    registry
}
