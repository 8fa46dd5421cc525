//! VQL over data stored by a server: clients, collections, their rows and logs, events.
//!
//! Everything here needs a [`Stored`] in the query's context; without it, a call fails and says that it only runs on a server.
//!
//! Deliberately absent: anything that changes a server (collecting, labels, users, hunts), and notebooks.
#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods)] // the reasons stand in clippy.toml
#![expect(unreachable_pub, reason = "types of plugins are named only by the lists")]

mod args;
mod client_info;
mod clients;
mod flow_logs;
mod flow_results;
mod flows;
mod get_flow;
mod monitoring;
mod monitoring_logs;
mod parallelize;
mod records;
mod rows;
mod selection;
mod source;
mod stored;

pub use stored::Stored;

use peregrine_engine::prelude::*;

/// All plugins of this crate.
pub const PLUGINS: &[PluginDef] = plugins![
    clients::Clients,
    flow_logs::FlowLogs,
    flow_results::FlowResults,
    flows::Flows,
    monitoring::Monitoring,
    monitoring_logs::MonitoringLogs,
    parallelize::Parallelize,
    source::Source,
];

/// All functions of this crate.
pub const FUNCTIONS: &[FunctionDef] = functions![client_info::ClientInfo, get_flow::GetFlow];

/// Adds everything in this crate to a registry.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry.with_plugins(PLUGINS).with_functions(FUNCTIONS)
}
