//! The agents' side: `/server.pem`, `/control`, `/reader`, `/healthz`, over HTTP or websockets.

mod accounts;
mod announce;
mod connections;
mod control;
mod convert;
mod enrol;
mod frames;
mod health;
mod intake;
mod process;
mod reader;
mod receive;
mod refused;
mod rows;
mod tasks;
mod turns;
mod uploads;
mod visitors;
mod websocket;

use crate::Result;
use crate::config::Config;
use crate::limits;
use crate::shared::{Shared, peer_address};
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::{HeaderValue, header};
use intake::Intake;
use parking_lot::Mutex;
use peregrine_wire::{Decoder, Encoder, pki};
use receive::{Failures, RateLimit};
use refused::Refused;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use turns::{Bounds, Turnstile};

pub(crate) use connections::{Connections, run as watch_connections};
pub(crate) use refused::Reason;
pub(crate) use tasks::deliver_wake_ups;
pub(crate) use visitors::Visitor;
use visitors::Visitors;

/// Connections of one agent: it needs two or three.
const MAX_CONNECTIONS: usize = 16;
/// Packets that turned out to unpack to much, and wait; each has a few megabytes unpacked.
const MAX_SURPRISES: usize = 16;

/// What the gateway keeps in memory; all of it can be lost.
pub(crate) struct Gateway {
    decoder: Decoder,
    encoder: Encoder,
    pub(crate) connections: Connections,
    pub(crate) refused: Refused,
    health: health::Health,
    /// Packets processed at once; agents take turns.
    slots: Arc<Turnstile>,
    /// Urgent ones, and polls, pass the others, but are not without number.
    urgent_slots: Arc<Turnstile>,
    /// Packets that are large: a part of the machine is for them, and those that unpack to what one expects of their size
    /// do not wait behind others.
    large: Arc<Turnstile>,
    /// Packets that turned out to unpack to more: one at a time, whoever sent it, so that neither all of the machine nor
    /// much of its memory is for them.
    heavy: Arc<Turnstile>,
    /// Those of them that wait in the middle.
    surprises: Arc<Turnstile>,
    /// Sessions opened at once, which is the costly part of a stranger's packet: not all of the machine is for them,
    /// and addresses take turns.
    opening: Arc<Turnstile>,
    failures: Failures,
    intake: Intake,
    pub(crate) visitors: Arc<Visitors>,
    new_identities: RateLimit,
    /// Senders whose key was not found, and when.
    unknown: Mutex<HashMap<String, Instant>>,
}

impl Gateway {
    pub(crate) fn new(config: &Config, connections: Connections) -> Result<Gateway> {
        let key = Arc::new(config.server_key()?);
        let resources = &config.frontend.resources;
        let peers = usize::try_from(resources.expected_clients)
            .unwrap_or(50_000)
            .max(16);
        let cores = std::thread::available_parallelism().map_or(2, |count| count.get());
        let slots = match usize::try_from(resources.concurrency) {
            Ok(0) | Err(_) => 8 * cores,
            Ok(count) => count,
        };
        let name = pki::facts(&config.frontend.certificate)?
            .name
            .unwrap_or_else(|| pki::SERVER_NAME.to_owned());
        Ok(Gateway {
            decoder: Decoder::new(key.clone(), peers),
            encoder: Encoder::new(name, key, peers),
            connections,
            refused: Refused::default(),
            health: health::Health::default(),
            slots: Turnstile::new(Bounds {
                turns: slots,
                per_party: slots.div_ceil(4),
                waiting_per_party: MAX_CONNECTIONS,
                waiting: peers,
            }),
            urgent_slots: Turnstile::new(Bounds {
                turns: slots,
                per_party: slots.div_ceil(4),
                waiting_per_party: MAX_CONNECTIONS,
                waiting: peers,
            }),
            large: Turnstile::new(Bounds {
                turns: cores.div_ceil(2),
                per_party: 1,
                waiting_per_party: MAX_CONNECTIONS,
                waiting: peers,
            }),
            heavy: Turnstile::new(Bounds {
                turns: 1,
                per_party: 1,
                waiting_per_party: MAX_CONNECTIONS,
                waiting: peers,
            }),
            surprises: Turnstile::new(Bounds {
                turns: MAX_SURPRISES,
                per_party: 1,
                waiting_per_party: 0,
                waiting: 0,
            }),
            opening: Turnstile::new(Bounds {
                turns: cores.div_ceil(2),
                per_party: cores.div_ceil(2),
                waiting_per_party: 1024,
                waiting: 16_384,
            }),
            failures: Failures::default(),
            intake: Intake::new(receive::largest(config)),
            visitors: Arc::new(Visitors::new(
                resources.max_strangers,
                resources.max_strangers_per_address,
                MAX_CONNECTIONS,
                limits::connections(),
            )),
            new_identities: RateLimit::new(resources.enrollments_per_second),
            unknown: Mutex::default(),
        })
    }
}

/// The agents' paths, below `Frontend.base_path`.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let base = shared.config.frontend.base_path.trim_end_matches('/').to_owned();
    let routes = Router::new()
        .route("/server.pem", any(server_pem))
        .route("/control", any(control::handle))
        .route("/send_messages", post(control::handle))
        .route("/reader", any(reader::handle))
        .route("/receive_messages", post(reader::handle))
        .route("/healthz", get(healthz))
        // Bodies are read with their own limit, which answers as the protocol wants.
        .layer(DefaultBodyLimit::disable())
        .with_state(shared);
    if base.is_empty() {
        routes
    } else {
        Router::new().nest(&base, routes)
    }
}

async fn server_pem(
    State(shared): State<Arc<Shared>>,
    upgrade: websocket::Upgrade,
    request: axum::extract::Request,
) -> Response {
    if let Some(upgrade) = upgrade.0 {
        let (parts, _) = request.into_parts();
        let peer = peer_address(&parts, &shared.config.frontend.proxy_header);
        return websocket::server_pem(shared, upgrade, peer);
    }
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    (
        [(header::CONTENT_TYPE, text)],
        shared.config.frontend.certificate.clone(),
    )
        .into_response()
}

async fn healthz(State(shared): State<Arc<Shared>>) -> Response {
    health::answer(&shared).await.into_response()
}
