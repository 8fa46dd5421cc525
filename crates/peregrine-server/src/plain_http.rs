//! Answers plain HTTP on a TLS port: a user who types `http://` gets a hint instead of a protocol error.

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use tokio::net::TcpStream;

/// Largest head of a request, in bytes.
const MAX_HEAD: usize = 16 << 10;
/// Bytes of a body that are read and discarded, so that the sender gets to read the answer.
const MAX_BODY: usize = 64 << 10;

/// Who connects to a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    /// People, whose browsers follow a redirect.
    Gui,
    /// Agents.
    Agents,
    /// Programs that use the gRPC API.
    Programs,
}

/// Whether the connection begins like plain HTTP: with a letter, which never begins a TLS handshake. Consumes nothing.
pub(crate) async fn is_spoken(stream: &TcpStream) -> bool {
    let mut first = [0];
    matches!(stream.peek(&mut first).await, Ok(1)) && first.iter().all(u8::is_ascii_alphabetic)
}

/// Answers one request and closes the connection. The caller limits the time.
pub(crate) async fn answer(stream: TcpStream, port: Port) {
    let service = service_fn(move |request: Request<Incoming>| async move {
        let (head, body) = request.into_parts();
        let _ = Limited::new(body, MAX_BODY).collect().await;
        Ok::<_, Infallible>(tls_hint(port, &Request::from_parts(head, ())))
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "plain HTTP on a port of TLS ended early");
    }
}

fn tls_hint(port: Port, request: &Request<()>) -> Response<Full<Bytes>> {
    let host = host(request);
    let secure = host.as_ref().and_then(|host| address(host, request));
    let is_harmless = matches!(*request.method(), Method::GET | Method::HEAD);
    let text = match (port, &host) {
        (Port::Gui, _) if is_harmless && secure.is_some() => "this port speaks TLS: use https://\n".to_owned(),
        // Whatever the request contained has already been exposed; a silent redirect would hide that.
        (Port::Gui, _) => "this port speaks TLS: use https:// instead of http://, and consider what you sent as seen by others\n".to_owned(),
        (Port::Agents, Some(host)) => format!(
            "this port is for agents and speaks TLS: use https://{host}/ (`Client.server_urls` in the client configuration); the web GUI has a port of its own\n"
        ),
        (Port::Programs, _) => {
            "this port is for programs that use the gRPC API: it speaks TLS and wants a certificate (`peregrine config api_client`); the web GUI has a port of its own\n".to_owned()
        }
        (Port::Agents, None) => "this port is for agents and speaks TLS: use https://\n".to_owned(),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    // Browsers cache a permanent redirect indefinitely, but a later configuration may serve plain HTTP on this port.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if port == Port::Gui
        && is_harmless
        && let Some(secure) = secure
    {
        headers.insert(header::LOCATION, secure);
        *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    }
    response
}

/// The requested address with `https://`.
fn address(host: &Authority, request: &Request<()>) -> Option<HeaderValue> {
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    HeaderValue::try_from(format!("https://{host}{path}")).ok()
}

/// The `Host` of the request: a name, perhaps with a port.
fn host(request: &Request<()>) -> Option<Authority> {
    let named = request.headers().get(header::HOST)?;
    let host: Authority = named.to_str().ok()?.parse().ok()?;
    (!host.as_str().contains('@')).then_some(host)
}
