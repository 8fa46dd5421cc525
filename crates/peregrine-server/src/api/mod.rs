//! REST and push below `/api/v1`; every other path serves the GUI's files.

mod artifacts;
mod clients;
mod events;
mod extract;
mod favorites;
mod flows;
mod hunts;
mod monitoring;
mod process_tree;
mod queries;
mod query_stream;
mod results;
mod search;
mod session;
mod sse;
mod status;
mod uploads;

use crate::compress::{self, PackedFiles};
use crate::error::Refusal;
use crate::gui;
use crate::shared::Shared;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_extractor, from_fn, from_fn_with_state};
use axum::routing::{delete, get, post, put};
use extract::{NoQuery, Params};
use http::{Method, Uri};
use std::sync::Arc;

/// Largest body of a sign-in, in bytes.
const SIGN_IN: usize = 64 << 10;
/// Characters of an unknown path that the answer repeats.
const SHOWN_PATH: usize = 200;

/// All routes for people and browsers.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    // Routes without a query string; those with one follow.
    let plain = Router::new()
        .route(
            "/session",
            post(session::sign_in)
                .get(session::show)
                .delete(session::sign_out)
                // Open to anybody, so thousands of bodies may arrive at once.
                .layer(DefaultBodyLimit::max(SIGN_IN)),
        )
        .route("/session/password", put(session::change_password))
        .route("/clients/{client_id}", get(clients::show).delete(clients::delete))
        .route("/clients/{client_id}/kill", post(clients::kill))
        .route("/clients/{client_id}/interrogation", get(clients::interrogation))
        .route("/clients/{client_id}/labels", put(clients::labels))
        .route("/clients/{client_id}/interrogate", post(clients::interrogate))
        .route("/clients/{client_id}/flows", post(flows::create))
        .route(
            "/clients/{client_id}/flows/{flow_id}",
            get(flows::show).delete(flows::delete),
        )
        .route("/clients/{client_id}/flows/{flow_id}/cancel", post(flows::cancel))
        .route(
            "/clients/{client_id}/flows/{flow_id}/uploads/{number}",
            get(uploads::download),
        )
        .route("/clients/{client_id}/events", get(events::list))
        .route("/favorites", get(favorites::list).put(favorites::save))
        .route("/favorites/{type}/{name}", delete(favorites::delete))
        .route("/artifacts/compile", post(artifacts::compile))
        .route("/artifacts/{*name}", get(artifacts::show))
        .route("/monitoring/client", get(monitoring::show).put(monitoring::set))
        .route(
            "/monitoring/server",
            get(monitoring::show_server).put(monitoring::set_server),
        )
        .route("/hunts", post(hunts::create))
        .route("/hunts/estimate", post(hunts::estimate))
        .route(
            "/hunts/{hunt_id}",
            get(hunts::show).patch(hunts::change).delete(hunts::delete),
        )
        .route("/hunts/{hunt_id}/stop", post(hunts::stop))
        .route("/hunts/{hunt_id}/copy", post(hunts::copy))
        .route("/hunts/{hunt_id}/clients", post(hunts::add_client))
        .route("/hunts/{hunt_id}/sources", get(hunts::sources))
        .route("/queries", post(queries::ask).get(queries::list))
        .route("/queries/{query_id}", delete(queries::cancel))
        .route("/server/status", get(status::status))
        .route_layer(from_extractor::<Params<NoQuery>>());
    let asked = Router::new()
        .route("/clients", get(clients::list))
        .route("/clients/suggestions", get(clients::suggestions))
        .route("/clients/{client_id}/flows", get(flows::list))
        .route("/clients/{client_id}/flows/{flow_id}/results", get(results::rows))
        .route(
            "/clients/{client_id}/flows/{flow_id}/results/facets",
            get(results::facets),
        )
        .route(
            "/clients/{client_id}/flows/{flow_id}/results/export",
            get(results::export),
        )
        .route("/clients/{client_id}/flows/{flow_id}/logs", get(results::logs))
        .route("/clients/{client_id}/process-tree", get(process_tree::show))
        // Names of event sets contain slashes.
        .route("/clients/{client_id}/events/{*artifact}", get(events::rows))
        .route("/hunts", get(hunts::list))
        .route("/hunts/{hunt_id}/clients", get(hunts::clients))
        .route("/hunts/{hunt_id}/results", get(hunts::rows))
        .route("/hunts/{hunt_id}/results/facets", get(hunts::facets))
        .route("/hunts/{hunt_id}/results/export", get(hunts::export))
        .route("/artifacts", get(artifacts::list))
        .route("/events", get(sse::stream))
        .route("/audit", get(status::audit))
        .route("/search", get(search::search));
    let api = plain
        .merge(asked)
        .fallback(async |uri: Uri| Refusal::UnknownPath(shown_path(&uri)))
        .method_not_allowed_fallback(async |method: Method| Refusal::UnknownMethod(method));
    let files = Arc::new(PackedFiles::default());
    Router::new()
        .nest("/api/v1", api)
        .fallback(gui::serve)
        .layer(from_fn(move |request: Request, next: Next| {
            compress::answers(files.clone(), request, next)
        }))
        .layer(from_fn_with_state(shared.clone(), gui::secure))
        .with_state(shared)
}

fn shown_path(uri: &Uri) -> String {
    let path = uri.path();
    // The nested router has already stripped the prefix.
    let path = format!("/api/v1{}", path.strip_prefix("/api/v1").unwrap_or(path));
    path.chars().take(SHOWN_PATH).collect()
}

/// The `Content-Disposition` that makes an answer a download, with a file name that is safe on every system.
fn file_name(name: &str) -> String {
    let safe = |c: char| match c {
        '.' | '-' | '_' => c,
        c if c.is_ascii_alphanumeric() => c,
        _ => '_',
    };
    let name: String = name.chars().map(safe).collect();
    format!("attachment; filename=\"{name}\"")
}
