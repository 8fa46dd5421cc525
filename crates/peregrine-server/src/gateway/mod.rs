//! The agents' endpoints: `/server.pem`, `/control`, `/reader`, `/healthz`, over HTTP or websockets.

mod accounts;
mod alerts;
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

/// Most connections of one agent, which needs two or three.
const MAX_CONNECTIONS: usize = 16;
/// Packets that may wait after they turned out to be heavy; each holds a few megabytes of unpacked data.
const MAX_SURPRISES: usize = 16;

/// What the gateway keeps in memory; losing it costs no data.
pub(crate) struct Gateway {
    decoder: Decoder,
    encoder: Encoder,
    pub(crate) connections: Connections,
    pub(crate) refused: Refused,
    health: health::Health,
    /// Turns for ordinary packets.
    slots: Arc<Turnstile>,
    /// Turns for urgent packets and polls, which pass the others but are bounded too.
    urgent_slots: Arc<Turnstile>,
    /// Turns for large packets. They get a part of the cores, and those that unpack to what their size suggests do not wait
    /// behind heavy ones.
    large: Arc<Turnstile>,
    /// The turn for packets that turn out to unpack to more than their size suggests: one at a time over all agents, which
    /// bounds the cores and memory they take.
    heavy: Arc<Turnstile>,
    /// Places for heavy packets that wait half unpacked.
    surprises: Arc<Turnstile>,
    /// Turns to open sessions, the costly part of a stranger's packet. They get half of the cores, and addresses alternate.
    opening: Arc<Turnstile>,
    failures: Failures,
    intake: Intake,
    pub(crate) visitors: Arc<Visitors>,
    new_identities: RateLimit,
    /// Senders without a stored key, and when that was looked up.
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

/// The agents' routes, below `Frontend.base_path`.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let base = shared.config.frontend.base_path.trim_end_matches('/').to_owned();
    let routes = Router::new()
        .route("/server.pem", any(server_pem))
        .route("/control", any(control::handle))
        .route("/send_messages", post(control::handle))
        .route("/reader", any(reader::handle))
        .route("/receive_messages", post(reader::handle))
        .route("/healthz", get(healthz))
        // Bodies are read with a limit of our own, which answers as the protocol requires.
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
