//! The gRPC API for programs. The certificate with which a program connects says on behalf of which user.

mod answer;
mod query;
mod user;

use crate::shared::Shared;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::Uri;
use peregrine_proto::health_check_response::ServingStatus;
use peregrine_proto::{HealthCheckRequest, HealthCheckResponse};
use std::sync::Arc;
use tonic::Status;
use tonic::server::Grpc;
use tonic_prost::ProstCodec;
use tower::service_fn;
use user::Caller;

/// Characters of the name of an unknown method that the answer repeats.
const SHOWN_METHOD: usize = 200;

/// The methods that there are; all others are answered with UNIMPLEMENTED.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/proto.API/Query", any(query::query))
        .route("/proto.API/Check", any(check))
        .fallback(async |uri: Uri| {
            let method: String = uri.path().chars().take(SHOWN_METHOD).collect();
            let status = Status::unimplemented(format!("this server has no method `{method}`"));
            status.into_http::<Body>()
        })
        .with_state(shared)
}

/// Whether the server serves, which it does when it answers. Needs no permission.
async fn check(State(shared): State<Arc<Shared>>, caller: Caller, request: Request) -> Response {
    // A user may stay connected; who has no account is cut off after a while.
    let _ = caller.identify(&shared).await;
    let serving = service_fn(async |_: tonic::Request<HealthCheckRequest>| {
        let status = ServingStatus::Serving.into();
        Ok::<_, Status>(tonic::Response::new(HealthCheckResponse { status }))
    });
    let codec = ProstCodec::<HealthCheckResponse, HealthCheckRequest>::default();
    let answer = Grpc::new(codec).unary(serving, request).await;
    answer.map(Body::new).into_response()
}
