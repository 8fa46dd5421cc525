//! Listeners: accept, TLS, HTTP/1 and HTTP/2, until told to stop.

mod incoming;
mod tls;

pub(crate) use incoming::{Incoming, bind, bind_socket};
pub(crate) use tls::{for_programs, tls};

use crate::gateway::{Reason, Visitor};
use crate::plain_http::Port;
use crate::shared::Shared;
use axum::Router;
use axum::extract::ConnectInfo;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use peregrine_wire::pki::{self, Holder};
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// Largest head of a request and read-ahead buffer, in bytes; every connection may use that much.
const HEADERS: usize = 16 << 10;
/// Bytes of unread bodies per HTTP/2 connection.
const WINDOW: u32 = 64 << 10;
/// Concurrent requests per HTTP/2 connection.
const STREAMS: u32 = 64;
/// How long running requests may take to end when the server stops.
const REQUEST_DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves a router on a listener. Returns when the server stops; connections end soon after.
pub(crate) async fn serve<L: Incoming>(
    listener: L,
    tls: Option<Arc<ServerConfig>>,
    port: Port,
    router: Router,
    tasks: TaskTracker,
    shared: Arc<Shared>,
) {
    let stopping = shared.stopping.clone();
    let acceptor = tls.map(TlsAcceptor::from);
    let resources = &shared.config.frontend.resources;
    let timeouts = Timeouts {
        handshake: Duration::from_secs(resources.handshake_timeout.max(1)),
        stranger: Duration::from_secs(resources.stranger_timeout.max(1)),
    };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Usually out of file descriptors; wait until some are released.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let admitted = shared.gateway.visitors.admit(peer.ip());
        if admitted.as_ref().is_none_or(|(_, is_crowded)| *is_crowded) {
            let peer = peer.ip().to_string();
            shared.gateway.refused.count(&peer, Reason::TooMany);
        }
        let Some((visitor, _)) = admitted else {
            continue;
        };
        let (acceptor, router) = (acceptor.clone(), router.clone());
        let context = ConnectionContext {
            peer,
            visitor,
            timeouts,
            stopping: stopping.clone(),
        };
        tasks.spawn(async move {
            L::prepare(&stream, peer);
            let served = match acceptor {
                None => connection(stream, false, None, router, context),
                // Boxed, because the future is large and soon over.
                Some(acceptor) => match Box::pin(tls_handshake::<L>(&acceptor, stream, port, &context)).await
                {
                    Some(stream) => {
                        let session = stream.get_ref().1;
                        // gRPC is HTTP/2, also for clients that do not negotiate it.
                        let is_http2 = port == Port::Programs || session.alpn_protocol() == Some(b"h2");
                        let certificate = session.peer_certificates().and_then(|chain| chain.first());
                        let holder = certificate.and_then(|certificate| pki::holder(certificate).ok());
                        connection(stream, is_http2, holder, router, context)
                    }
                    None => return,
                },
            };
            served.await;
        });
    }
}

/// Performs the TLS handshake; `None` when it fails or takes too long. Plain HTTP is answered with a hint.
async fn tls_handshake<L: Incoming>(
    acceptor: &TlsAcceptor,
    stream: L::Stream,
    port: Port,
    context: &ConnectionContext,
) -> Option<TlsStream<L::Stream>> {
    let peer = context.peer;
    let shaken = async {
        let stream = L::unless_plain_http(stream, port).await?;
        let shaken = acceptor.accept(stream).await;
        shaken
            .inspect_err(|error| tracing::debug!(%peer, %error, "TLS handshake failed"))
            .ok()
    };
    tokio::select! {
        shaken = shaken => shaken,
        () = tokio::time::sleep(context.timeouts.handshake) => {
            tracing::debug!(%peer, "TLS handshake took too long");
            None
        }
        () = context.visitor.sent_away() => None,
        () = context.stopping.cancelled() => None,
    }
}

/// Time limits for peers that have not proved who they are.
#[derive(Clone, Copy)]
struct Timeouts {
    /// For the TLS handshake, and for the headers of a request.
    handshake: Duration,
    /// For the whole connection.
    stranger: Duration,
}

/// The peer of a connection, and what can end it.
struct ConnectionContext {
    peer: SocketAddr,
    visitor: Arc<Visitor>,
    timeouts: Timeouts,
    stopping: CancellationToken,
}

/// Begins to serve a connection. Not `async`, and the connection is boxed, to save memory: thousands wait for hours, and
/// an `async` function that takes a future by value stores it in its own once more.
fn connection<S>(
    stream: S,
    is_http2: bool,
    holder: Option<Holder>,
    router: Router,
    context: ConnectionContext,
) -> BoxFuture<'static, ()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (peer, seen) = (context.peer, context.visitor.clone());
    let holder = holder.map(Arc::new);
    let service = router.map_request(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(seen.clone());
        if let Some(holder) = &holder {
            request.extensions_mut().insert(holder.clone());
        }
        request.map(axum::body::Body::new)
    });
    let (io, service) = (TokioIo::new(stream), TowerToHyperService::new(service));
    // ALPN has settled the version, so there is no need to wait for the first bytes to detect it.
    if is_http2 {
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_concurrent_streams(STREAMS)
            .keep_alive_interval(Some(Duration::from_secs(60)))
            .serve_connection(io, service);
        serve_until_ended(
            Box::pin(connection),
            |connection| connection.graceful_shutdown(),
            context,
        )
        .boxed()
    } else {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .max_buf_size(HEADERS)
            .header_read_timeout(context.timeouts.handshake)
            .serve_connection(io, service)
            .with_upgrades();
        serve_until_ended(
            Box::pin(connection),
            |connection| connection.graceful_shutdown(),
            context,
        )
        .boxed()
    }
}

/// Serves until the peer closes the connection, a stranger's time is over, or the server stops.
async fn serve_until_ended<C>(
    mut connection: Pin<Box<C>>,
    end_soon: impl FnOnce(Pin<&mut C>),
    context: ConnectionContext,
) where
    C: Future<Output = hyper::Result<()>>,
{
    let ConnectionContext {
        peer,
        visitor,
        timeouts,
        stopping,
    } = context;
    let overdue = async {
        tokio::time::sleep(timeouts.stranger).await;
        while visitor.may_stay() {
            if visitor.is_proven() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = overdue => {
            tracing::debug!(%peer, "a connection of a stranger ended after its time");
            return;
        }
        () = visitor.sent_away() => {
            tracing::debug!(%peer, "a connection of a stranger ended to make room");
            return;
        }
        () = stopping.cancelled() => {
            end_soon(connection.as_mut());
            match tokio::time::timeout(REQUEST_DRAIN_TIMEOUT, connection).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection ended");
    }
}
