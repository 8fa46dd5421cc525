//! VQL on a server: clients, collections and hunts, their rows and logs, events, labels, monitoring.
//!
//! What reads stored data needs a [`Stored`] in the query's context, and works on the data folder of a stopped server, too. The
//! rest needs a [`Live`]: a running server and the user who asks. Without it, a call fails and says that it only runs on a
//! server.
//!
//! Deliberately absent: users, notebooks.
#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods)] // the reasons stand in clippy.toml
#![expect(unreachable_pub, reason = "types of plugins are named only by the lists")]

mod add_client_monitoring;
mod add_server_monitoring;
mod args;
mod artifact_definitions;
mod cancel_flow;
mod client_create;
mod client_delete;
mod client_info;
mod client_metadata;
mod client_set_metadata;
mod clients;
mod collect_client;
mod delete_events;
mod delete_flow;
mod enumerate_flow;
mod expiry;
mod favorite_records;
mod favorites_delete;
mod favorites_list;
mod favorites_save;
mod flow_logs;
mod flow_parts;
mod flow_records;
mod flow_results;
mod flows;
mod get_client_monitoring;
mod get_flow;
mod get_server_monitoring;
mod hunt;
mod hunt_add;
mod hunt_delete;
mod hunt_flows;
mod hunt_info;
mod hunt_members;
mod hunt_records;
mod hunt_results;
mod hunt_update;
mod hunts;
mod killkillkill;
mod label;
mod live;
mod metadata;
mod monitoring;
mod monitoring_logs;
mod monitoring_table;
mod parallelize;
mod profile;
mod query_stats;
mod records;
mod requests;
mod rm_client_monitoring;
mod rm_server_monitoring;
mod rows;
pub mod run;
mod selection;
mod send_event;
mod server_metadata;
mod server_set_metadata;
mod set_client_monitoring;
mod set_server_monitoring;
mod source;
mod spec_records;
mod specs;
mod stored;
mod uploads;
mod watch_monitoring;
mod whoami;

pub use live::{Live, UserAccess};
pub use stored::Stored;

use peregrine_engine::prelude::*;

/// All plugins of this crate.
pub const PLUGINS: &[PluginDef] = plugins![
    artifact_definitions::ArtifactDefinitions,
    client_delete::ClientDelete,
    clients::Clients,
    delete_events::DeleteEvents,
    delete_flow::DeleteFlow,
    enumerate_flow::EnumerateFlow,
    favorites_list::FavoritesList,
    flow_logs::FlowLogs,
    flow_results::FlowResults,
    flows::Flows,
    hunt_delete::HuntDelete,
    hunt_flows::HuntFlows,
    hunt_results::HuntResults,
    hunts::Hunts,
    monitoring::Monitoring,
    monitoring_logs::MonitoringLogs,
    parallelize::Parallelize,
    profile::Profile,
    source::Source,
    uploads::Uploads,
    watch_monitoring::WatchMonitoring,
];

/// All functions of this crate.
pub const FUNCTIONS: &[FunctionDef] = functions![
    add_client_monitoring::AddClientMonitoring,
    add_server_monitoring::AddServerMonitoring,
    cancel_flow::CancelFlow,
    client_create::ClientCreate,
    client_info::ClientInfo,
    client_metadata::ClientMetadata,
    client_set_metadata::ClientSetMetadata,
    collect_client::CollectClient,
    favorites_delete::FavoritesDelete,
    favorites_save::FavoritesSave,
    get_client_monitoring::GetClientMonitoring,
    get_flow::GetFlow,
    get_server_monitoring::GetServerMonitoring,
    hunt::CreateHunt,
    hunt_add::HuntAdd,
    hunt_info::HuntInfo,
    hunt_update::HuntUpdate,
    killkillkill::KillKillKill,
    label::Label,
    rm_client_monitoring::RmClientMonitoring,
    rm_server_monitoring::RmServerMonitoring,
    send_event::SendEvent,
    server_metadata::ServerMetadata,
    server_set_metadata::ServerSetMetadata,
    set_client_monitoring::SetClientMonitoring,
    set_server_monitoring::SetServerMonitoring,
    whoami::Whoami,
];

/// Adds everything in this crate to a registry.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry.with_plugins(PLUGINS).with_functions(FUNCTIONS)
}
