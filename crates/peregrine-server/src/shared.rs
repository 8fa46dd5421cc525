//! State shared by all parts of a running server.

use crate::config::Config;
use crate::gateway::Gateway;
use crate::gui::GuiAssets;
use crate::push::Hub;
use axum::extract::ConnectInfo;
use http::request::Parts;
use peregrine_server_vql::run::Queries;
use peregrine_services::Core;
use peregrine_store::Micros;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A running server: the services, and what serves requests with them.
pub(crate) struct Shared {
    pub(crate) core: Arc<Core>,
    pub(crate) config: Config,
    pub(crate) gui: Arc<dyn GuiAssets>,
    pub(crate) gateway: Gateway,
    pub(crate) hub: Hub,
    pub(crate) queries: Arc<Queries>,
    pub(crate) started: Micros,
    /// Why storing last failed; `None` once it works again.
    pub(crate) trouble: parking_lot::Mutex<Option<String>>,
    /// Cancelled when the server stops: long polls and pushes end.
    pub(crate) stopping: CancellationToken,
}

/// The peer's address: the last one in the trusted proxy's header, else that of the connection.
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
