//! VQL on the server: asking, listing, stopping.

use super::extract::{Body, Path, SignedIn};
use super::query_stream::QueryLines;
use crate::error::Answer;
use crate::query_pipe::query_pipe;
use crate::shared::Shared;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use peregrine_api::queries::{QueryRequest, RunningQueries};
use peregrine_server_vql::run::Question;
use peregrine_services::users::{Permission, still_may};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// How often the stream shows that the query still runs, and the user's permission is checked again.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

pub(super) async fn ask(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Body(request): Body<QueryRequest>,
) -> Answer<Response> {
    let question = Question {
        texts: vec![request.vql],
        env: request.env,
        timeout: (request.timeout > 0).then(|| Duration::from_secs(request.timeout)),
        max_rows: (request.max_rows > 0).then_some(request.max_rows),
        ..Question::default()
    };
    let (output, mut lines) = query_pipe(QueryLines::default());
    let query = shared.queries.ask(&principal, question, Arc::new(output)).await?;
    lines.begin(query.id());
    let lines = stream::unfold((lines, query), move |(mut lines, query)| {
        let (shared, session) = (shared.clone(), principal.session.clone());
        async move {
            loop {
                match tokio::time::timeout(SIGN_OF_LIFE, lines.read()).await {
                    Ok(None) => return None,
                    Ok(Some(bytes)) => return Some((Ok::<_, Infallible>(bytes), (lines, query))),
                    Err(_) => {}
                }
                if matches!(
                    still_may(&shared.core, &session, Permission::AnyQuery).await,
                    Ok(false)
                ) {
                    query.cancel("the session ended, or its permission was taken away");
                    continue;
                }
                return Some((Ok("\n".into()), (lines, query)));
            }
        }
    });
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-ndjson"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    Ok((headers, axum::body::Body::from_stream(lines)).into_response())
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
) -> Answer<Json<RunningQueries>> {
    let queries = shared.queries.list(&principal).await?;
    Ok(Json(RunningQueries { queries }))
}

pub(super) async fn cancel(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(query_id): Path<String>,
) -> Answer<StatusCode> {
    shared.queries.cancel(&principal, &query_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
