//! `Query`: VQL on the server, whose rows and messages are streamed.

use super::answer::QueryAnswer;
use super::user::Caller;
use crate::error::Answer;
use crate::query_pipe::{QueryReader, query_pipe};
use crate::shared::Shared;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use peregrine_proto::{VqlCollectorArgs, VqlResponse};
use peregrine_server_vql::run::{Asked, Question};
use peregrine_services::Error;
use peregrine_services::users::Permission;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tonic::Status;
use tonic::server::Grpc;
use tonic_prost::ProstCodec;
use tower::service_fn;

/// Largest request, in bytes: that of REST.
const MAX_REQUEST: usize = 2 << 20;
/// How often the user's permission is checked again while a query runs.
const CHECK_AGAIN: Duration = Duration::from_secs(15);

type Messages = BoxStream<'static, Result<VqlResponse, Status>>;

pub(super) async fn query(State(shared): State<Arc<Shared>>, caller: Caller, request: Request) -> Response {
    let asked = service_fn(move |request: tonic::Request<VqlCollectorArgs>| {
        let (shared, caller) = (shared.clone(), caller.clone());
        async move {
            let messages = ask(shared, caller, request.into_inner()).await?;
            Ok::<_, Status>(tonic::Response::new(messages))
        }
    });
    let codec = ProstCodec::<VqlResponse, VqlCollectorArgs>::default();
    let answer = Grpc::new(codec)
        .max_decoding_message_size(MAX_REQUEST)
        .server_streaming(asked, request)
        .await;
    answer.map(Body::new).into_response()
}

async fn ask(shared: Arc<Shared>, caller: Caller, request: VqlCollectorArgs) -> Answer<Messages> {
    let principal = caller.identify(&shared).await?;
    principal.authorize(Permission::AnyQuery)?;
    if request.query.is_empty() {
        return Err(Error::BadRequest("the request has no `Query`; give one or more".to_owned()).into());
    }
    if !matches!(request.org_id.as_str(), "" | "root") {
        return Err(Error::NotFound("organisation", request.org_id).into());
    }
    let (output, reader) = query_pipe(QueryAnswer::new(&request));
    let question = Question {
        texts: request.query.into_iter().map(|query| query.vql).collect(),
        env: request
            .env
            .into_iter()
            .map(|pair| (pair.key, pair.value))
            .collect(),
        timeout: (request.timeout > 0).then(|| Duration::from_secs(request.timeout)),
        max_rows: None,
        cpu_limit: request.cpu_limit.into(),
        may_watch_forever: true,
        runs_until_bad_text: true,
    };
    let query = shared.queries.ask(&principal, question, Arc::new(output)).await?;
    let mut check_again = interval_at(Instant::now() + CHECK_AGAIN, CHECK_AGAIN);
    check_again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let open = OpenQuery {
        reader,
        query,
        caller,
        check_again,
        shared,
    };
    let messages = stream::unfold(open, async |mut open| {
        let message = open.next().await?;
        Some((message, open))
    });
    Ok(messages.boxed())
}

/// A query whose answer is being read. Dropping it, as when the call is cancelled, ends the query.
struct OpenQuery {
    reader: QueryReader<QueryAnswer>,
    query: Asked,
    caller: Caller,
    check_again: Interval,
    shared: Arc<Shared>,
}

impl OpenQuery {
    async fn next(&mut self) -> Option<Result<VqlResponse, Status>> {
        loop {
            tokio::select! {
                // First, as after a pause of the reader it may be long due.
                biased;
                _ = self.check_again.tick() => {}
                message = self.reader.read() => return message,
            }
            if !self.caller.still_may_query(&self.shared).await {
                self.query
                    .cancel("the certificate has expired, or the permission was taken away");
            }
        }
    }
}
