//! Push: server-sent events about the topics a browser has on screen.

use super::extract::{Params, SignedIn};
use crate::error::Answer;
use crate::push::{News, Pushed, Topic};
use crate::shared::Shared;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, header};
use peregrine_api::push::PushQuery;
use peregrine_services::users::{Permission, Principal, still_may};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};
use tokio::time::MissedTickBehavior;

/// How often a keep-alive comment is sent.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

pub(super) async fn stream(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Params(wanted): Params<PushQuery>,
    headers: HeaderMap,
) -> Answer<Response> {
    principal.authorize(Permission::ReadResults)?;
    let topics: Vec<Topic> = wanted
        .topics
        .split(',')
        .filter_map(Topic::parse)
        .take(100)
        .collect();
    let last = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(feed(shared, principal, topics, last, sender));
    let body = stream::unfold(receiver, async |mut receiver| {
        receiver
            .recv()
            .await
            .map(|bytes| (Ok::<Bytes, Infallible>(bytes), receiver))
    });
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// Sends events until the browser leaves, its session ends or the server stops.
async fn feed(
    shared: Arc<Shared>,
    principal: Principal,
    topics: Vec<Topic>,
    last: Option<u64>,
    sender: mpsc::Sender<Bytes>,
) {
    let (missed, mut live) = shared.hub.subscribe(last);
    let mut pending: Vec<Bytes> = vec![Bytes::from_static(b": connected\n\n")];
    let wanted =
        |event: &Pushed| event.news == News::Resync || topics.iter().any(|topic| topic.covers(&event.news));
    match missed {
        Some(missed) => pending.extend(
            missed
                .iter()
                .filter(|event| wanted(event))
                .map(|event| encode(event)),
        ),
        None => pending.push(resync()),
    }
    // Checked even while events flow: a session that was ended elsewhere gets nothing more.
    let mut check = tokio::time::interval(SIGN_OF_LIFE);
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    check.tick().await;
    loop {
        for text in pending.drain(..) {
            if sender.send(text).await.is_err() {
                return;
            }
        }
        tokio::select! {
            received = live.recv() => match received {
                Ok(event) if wanted(&event) => pending.push(encode(&event)),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => pending.push(resync()),
                Err(broadcast::error::RecvError::Closed) => return,
            },
            _ = check.tick() => {
                let may = still_may(&shared.core, &principal.session, Permission::ReadResults).await;
                if matches!(may, Ok(false)) {
                    return;
                }
                pending.push(Bytes::from_static(b": alive\n\n"));
            }
            () = sender.closed() => return,
            () = shared.stopping.cancelled() => return,
        }
    }
}

fn encode(event: &Pushed) -> Bytes {
    format!(
        "id: {}\nevent: {}\ndata: {}\n\n",
        event.number,
        event.news.name(),
        event.data
    )
    .into()
}

fn resync() -> Bytes {
    Bytes::from_static(b"event: resync\ndata: {}\n\n")
}
