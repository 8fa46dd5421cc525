//! What all parts of a running server share.

use crate::audit;
use crate::config::Config;
use crate::gateway::Gateway;
use crate::gui::GuiAssets;
use crate::monitoring::TableCache;
use crate::push::Hub;
use crate::storage::Storage;
use crate::table::ViewCache;
use crate::users::{Failures, Hasher, SpareSessions, Throttle};
use axum::extract::ConnectInfo;
use http::request::Parts;
use peregrine_artifacts::Repository;
use peregrine_store::Micros;
use peregrine_wire::{Obfuscator, Vault};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The running server.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) storage: Storage,
    pub(crate) artifacts: Repository,
    pub(crate) gui: Arc<dyn GuiAssets>,
    pub(crate) obfuscator: Option<Obfuscator>,
    /// Closes secrets that must be stored.
    pub(crate) vault: Vault,
    pub(crate) gateway: Gateway,
    pub(crate) hub: Hub,
    pub(crate) hasher: Hasher,
    pub(crate) throttle: Throttle,
    pub(crate) failures: Failures,
    pub(crate) spare_sessions: SpareSessions,
    pub(crate) kept_audit: audit::Kept,
    pub(crate) monitoring: TableCache,
    pub(crate) views: ViewCache,
    pub(crate) started: Micros,
    /// Why storing last failed; none after it worked again.
    pub(crate) trouble: parking_lot::Mutex<Option<String>>,
    /// Cancelled when the server stops: long polls and pushes end.
    pub(crate) stopping: CancellationToken,
}

/// Topics of the bus.
pub(crate) mod topics {
    /// A client has new tasks; the payload is its id.
    pub(crate) const TASKS: &str = "tasks";
    /// Something a user may be looking at changed; the payload is a [`crate::push::Change`] as JSON.
    pub(crate) const CHANGES: &str = "changes";
    /// The monitoring table changed.
    pub(crate) const MONITORING: &str = "monitoring";
}

/// Address of the other side: the last one the trusted proxy added to its header, else the connection's.
pub(crate) fn peer_address(parts: &Parts, proxy_header: &str) -> String {
    if !proxy_header.is_empty()
        && let Some(value) = parts
            .headers
            .get(proxy_header)
            .and_then(|value| value.to_str().ok())
        && let Some(address) = value
            .rsplit(',')
            .next()
            .map(str::trim)
            .filter(|address| !address.is_empty())
    {
        return address.chars().take(64).collect();
    }
    parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip().to_string())
        .unwrap_or_default()
}
