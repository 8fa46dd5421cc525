//! Listeners: accept, TLS, HTTP/1 and HTTP/2, until told to stop.

use crate::config::Config;
use crate::gateway::{Reason, Visitor};
use crate::plain_http::{self, Port};
use crate::shared::Shared;
use crate::{Error, Result};
use axum::Router;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// How long a peer may take to shake hands, and to send a request's headers.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the connection of somebody may last who does not prove who it is.
const STRANGER_TIME: Duration = Duration::from_secs(120);
/// How long running requests may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// Binds an address.
pub(crate) async fn bind(address: &str, port: u16) -> Result<TcpListener> {
    let name = if address.contains(':') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    };
    TcpListener::bind(&name)
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => Error::Config(format!(
                "port {port} on {address} is in use by another program; end that one, or choose another port with \
                 --port or --agent-port (after the first start: `bind_port` in the server configuration)"
            )),
            _ => Error::Io(format!("cannot listen on `{name}`"), error),
        })
}

/// The TLS side of both listeners.
pub(crate) fn tls(config: &Config, protocols: &[&str]) -> Result<Arc<ServerConfig>> {
    let read = |path: &std::path::Path| {
        std::fs::read(path).map_err(|error| Error::Io(format!("TLS file `{}`", path.display()), error))
    };
    let (certificate, key) = match (
        &config.frontend.tls_certificate_filename,
        &config.frontend.tls_private_key_filename,
    ) {
        (Some(certificate), Some(key)) => (read(certificate)?, read(key)?),
        _ => (
            config.frontend.certificate.clone().into_bytes(),
            config.frontend.private_key.clone().into_bytes(),
        ),
    };
    let bad = |what: &str, error: &dyn std::fmt::Display| Error::Config(format!("TLS {what}: {error}"));
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&certificate)
        .collect::<Result<_, _>>()
        .map_err(|error| bad("certificate", &error))?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|error| bad("key", &error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad("set-up", &error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| bad("certificate", &error))?;
    tls.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(Arc::new(tls))
}

/// Serves a router on a listener; returns when the server stops, connections end soon after.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    port: Port,
    router: Router,
    tasks: TaskTracker,
    shared: Arc<Shared>,
) {
    let stopping = shared.stopping.clone();
    let acceptor = tls.map(TlsAcceptor::from);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, usually: the ones in use will be given back.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(visitor) = shared.gateway.visitors.admit(peer.ip()) else {
            shared
                .gateway
                .refused
                .count(&peer.ip().to_string(), Reason::TooMany);
            continue;
        };
        let (acceptor, router, stopping) = (acceptor.clone(), router.clone(), stopping.clone());
        tasks.spawn(async move {
            let _ = stream.set_nodelay(true);
            match acceptor {
                None => connection(stream, peer, false, visitor, router, stopping).await,
                Some(acceptor) => match greet(acceptor, stream, port, peer, &stopping).await {
                    Some(stream) => {
                        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                        connection(stream, peer, is_http2, visitor, router, stopping).await;
                    }
                    None => drop(visitor),
                },
            }
        });
    }
}

/// Shakes hands; none when there is no TLS connection in time. Plain HTTP gets an answer of its own.
async fn greet(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    port: Port,
    peer: SocketAddr,
    stopping: &CancellationToken,
) -> Option<TlsStream<TcpStream>> {
    let shaken = async {
        if plain_http::is_spoken(&stream).await {
            plain_http::answer(stream, port).await;
            return None;
        }
        let shaken = acceptor.accept(stream).await;
        shaken
            .inspect_err(|error| tracing::debug!(%peer, %error, "TLS handshake failed"))
            .ok()
    };
    tokio::select! {
        shaken = shaken => shaken,
        () = tokio::time::sleep(PATIENCE) => {
            tracing::debug!(%peer, "TLS handshake took too long");
            None
        }
        () = stopping.cancelled() => None,
    }
}

async fn connection<S>(
    stream: S,
    peer: SocketAddr,
    is_http2: bool,
    visitor: Arc<Visitor>,
    router: Router,
    stopping: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let seen = visitor.clone();
    let service = router.map_request(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(seen.clone());
        request.map(axum::body::Body::new)
    });
    // The version is known: nobody is waited for to see how a connection begins.
    let builder = auto::Builder::new(TokioExecutor::new());
    let mut builder = if is_http2 {
        builder.http2_only()
    } else {
        builder.http1_only()
    };
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(60)));
    let connection =
        builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    let overdue = async {
        tokio::time::sleep(STRANGER_TIME).await;
        if visitor.is_proven() {
            std::future::pending::<()>().await;
        }
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = overdue => {
            tracing::debug!(%peer, "a connection of a stranger ended after its time");
            return;
        }
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(GRACE, connection).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection ended");
    }
}
