//! One request and one answer over HTTP(S) or a websocket, depending on the scheme of the URL.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use peregrine_wire::Silence;
use rustls::pki_types::ServerName;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message as Frame, client::IntoClientRequest};
use url::Url;

/// Largest answer that is accepted.
const MAX_ANSWER: usize = 100 << 20;

/// Answer of a server: an HTTP status and the body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportError {
    #[error("no connection to {0}: {1}")]
    Connect(String, String),
    #[error("the connection to {0} broke: {1}")]
    Broken(String, String),
    #[error("no answer from {0} within {1:?}")]
    Timeout(String, Duration),
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// The way connections are made; shared by all channels.
pub(crate) struct Dialer {
    pub(crate) tls: Arc<rustls::ClientConfig>,
    /// Name to present in TLS instead of the URL's host.
    pub(crate) server_name: Option<String>,
    pub(crate) timeout: Duration,
    /// Maps `host:port` to the `ip:port` to try when the first does not answer.
    pub(crate) fallback: BTreeMap<String, String>,
    /// Silence after which a websocket, or an answer that has begun, counts as dead.
    pub(crate) silence: Duration,
    /// Number of connections that fell silent. An idle connection older than the last of them is most likely
    /// dead too.
    pub(crate) deaths: AtomicU64,
}

impl Dialer {
    /// The error of a connection that fell silent.
    fn silent(&self, url: &Url) -> TransportError {
        self.deaths.fetch_add(1, Ordering::Relaxed);
        TransportError::Timeout(shown(url), self.silence)
    }

    async fn dial(&self, url: &Url) -> Result<Box<dyn Stream>, TransportError> {
        let shown = shown(url);
        let fail = |error: String| TransportError::Connect(shown.clone(), error);
        let host = url
            .host_str()
            .ok_or_else(|| fail("the URL has no host".to_owned()))?
            .trim_matches(['[', ']'])
            .to_owned();
        let is_tls = matches!(url.scheme(), "https" | "wss");
        let port = url
            .port_or_known_default()
            .unwrap_or(if is_tls { 443 } else { 80 });
        let connect = async {
            let tcp = match (
                TcpStream::connect((host.as_str(), port)).await,
                self.fallback.get(&format!("{host}:{port}")),
            ) {
                (Err(_), Some(address)) => TcpStream::connect(address.as_str()).await,
                (outcome, _) => outcome,
            };
            let tcp = tcp.map_err(|error| fail(error.to_string()))?;
            // Small packets should not be delayed.
            let _ = tcp.set_nodelay(true);
            if let Err(error) = Silence::AT_AGENT.notice(&tcp) {
                tracing::debug!(%error, "a connection whose silent end may be noticed late");
            }
            if !is_tls {
                return Ok(Box::new(tcp) as Box<dyn Stream>);
            }
            let name = self.server_name.clone().unwrap_or_else(|| host.clone());
            let name = ServerName::try_from(name).map_err(|error| fail(error.to_string()))?;
            let tls = tokio_rustls::TlsConnector::from(Arc::clone(&self.tls))
                .connect(name, tcp)
                .await;
            tls.map(|tls| Box::new(tls) as Box<dyn Stream>)
                .map_err(|error| fail(error.to_string()))
        };
        tokio::time::timeout(self.timeout, connect)
            .await
            .map_err(|_| TransportError::Timeout(shown.clone(), self.timeout))?
    }
}

/// A connection that is kept between requests to one URL.
#[derive(Default)]
pub(crate) struct Channel {
    url: Option<Url>,
    open: Option<Connection>,
    /// [`Dialer::deaths`] when the channel was last used.
    deaths: u64,
}

enum Connection {
    Http(http1::SendRequest<Full<Bytes>>),
    Websocket(Box<WebSocketStream<Box<dyn Stream>>>),
}

impl Channel {
    /// Sends a body and waits for the answer. On HTTP, `longest` bounds the wait for the first byte, and
    /// `silence` the rest; a websocket waits as long as the server sends pings.
    pub(crate) async fn post(
        &mut self,
        dialer: &Dialer,
        url: &Url,
        body: Vec<u8>,
        urgent: bool,
        longest: Duration,
    ) -> Result<Answer, TransportError> {
        let deaths = dialer.deaths.load(Ordering::Relaxed);
        if self.url.as_ref() != Some(url) || self.deaths != deaths {
            self.close();
        }
        self.url = Some(url.clone());
        self.deaths = deaths;
        let outcome = match url.scheme() {
            "ws" | "wss" => self.exchange_frames(dialer, url, body).await,
            _ => {
                let request = self.exchange_http(dialer, url, Method::POST, body, urgent);
                tokio::time::timeout(longest, request)
                    .await
                    .unwrap_or_else(|_| Err(TransportError::Timeout(shown(url), longest)))
            }
        };
        if outcome.as_ref().map_or(true, |answer| answer.status != 200) {
            self.close();
        }
        outcome
    }

    /// Fetches a small document.
    pub(crate) async fn get(&mut self, dialer: &Dialer, url: &Url) -> Result<Answer, TransportError> {
        self.close();
        let request = self.exchange_http(dialer, url, Method::GET, Vec::new(), false);
        let outcome = tokio::time::timeout(dialer.timeout, request).await;
        self.close();
        outcome.unwrap_or_else(|_| Err(TransportError::Timeout(shown(url), dialer.timeout)))
    }

    /// Drops the connection; the next request opens a new one.
    pub(crate) fn close(&mut self) {
        self.open = None;
        self.url = None;
    }

    async fn exchange_http(
        &mut self,
        dialer: &Dialer,
        url: &Url,
        method: Method,
        body: Vec<u8>,
        urgent: bool,
    ) -> Result<Answer, TransportError> {
        let broken = |error: String| TransportError::Broken(shown(url), error);
        let reusable = match self.open.take() {
            Some(Connection::Http(mut sender)) => sender.ready().await.is_ok().then_some(sender),
            _ => None,
        };
        let mut sender = match reusable {
            Some(sender) => sender,
            None => {
                let stream = dialer.dial(url).await?;
                let (sender, connection) = http1::handshake(TokioIo::new(stream))
                    .await
                    .map_err(|error| broken(error.to_string()))?;
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "http connection ended");
                    }
                });
                sender
            }
        };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let host = match (url.host_str().unwrap_or_default(), url.port()) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("Host", host)
            .header("User-Agent", "Velociraptor")
            .header("Content-Type", "application/binary");
        if urgent {
            request = request.header("X-Priority", "urgent");
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| broken(error.to_string()))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| broken(error.to_string()))?;
        let status = response.status().as_u16();
        let location = response
            .headers()
            .get("Location")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let mut body = Limited::new(response.into_body(), MAX_ANSWER);
        let mut bytes = Vec::new();
        loop {
            // The first byte may take as long as the caller waits. From then on, a server sends something
            // every few seconds, if only a sign of life, so silence means that the connection is dead.
            let frame = if bytes.is_empty() {
                body.frame().await
            } else {
                tokio::time::timeout(dialer.silence, body.frame())
                    .await
                    .map_err(|_| dialer.silent(url))?
            };
            let Some(frame) = frame else { break };
            let frame = frame.map_err(|error| broken(error.to_string()))?;
            if let Some(data) = frame.data_ref() {
                bytes.extend_from_slice(data);
            }
        }
        self.open = Some(Connection::Http(sender));
        Ok(Answer {
            status,
            location,
            body: bytes,
        })
    }

    async fn exchange_frames(
        &mut self,
        dialer: &Dialer,
        url: &Url,
        body: Vec<u8>,
    ) -> Result<Answer, TransportError> {
        let broken = |error: String| TransportError::Broken(shown(url), error);
        let mut socket = match self.open.take() {
            Some(Connection::Websocket(socket)) => socket,
            _ => {
                let stream = dialer.dial(url).await?;
                let request = url
                    .as_str()
                    .into_client_request()
                    .map_err(|error| broken(error.to_string()))?;
                let limits = WebSocketConfig::default()
                    .max_message_size(Some(MAX_ANSWER))
                    .max_frame_size(Some(MAX_ANSWER));
                let opening = tokio_tungstenite::client_async_with_config(request, stream, Some(limits));
                let (socket, _) = tokio::time::timeout(dialer.timeout, opening)
                    .await
                    .map_err(|_| TransportError::Timeout(shown(url), dialer.timeout))?
                    .map_err(|error| broken(error.to_string()))?;
                Box::new(socket)
            }
        };
        tokio::time::timeout(dialer.timeout, socket.send(Frame::Binary(Bytes::from(body))))
            .await
            .map_err(|_| TransportError::Timeout(shown(url), dialer.timeout))?
            .map_err(|error| broken(error.to_string()))?;
        loop {
            let frame = tokio::time::timeout(dialer.silence, socket.next())
                .await
                .map_err(|_| dialer.silent(url))?;
            let text = match frame {
                Some(Ok(Frame::Binary(bytes))) => bytes,
                Some(Ok(Frame::Text(text))) => Bytes::from(text.as_bytes().to_vec()),
                Some(Ok(Frame::Close(_))) | None => {
                    return Err(broken("the server closed the websocket".to_owned()));
                }
                // The library answers pings when we continue reading.
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(broken(error.to_string())),
            };
            self.open = Some(Connection::Websocket(socket));
            return Ok(parse_frame(&text));
        }
    }
}

#[derive(serde::Deserialize)]
struct JsonFrame {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    err: String,
    #[serde(default)]
    data: String,
}

/// A server's frame; an unreadable one counts as "try again".
fn parse_frame(text: &[u8]) -> Answer {
    let unreadable = Answer {
        status: 503,
        location: None,
        body: Vec::new(),
    };
    let Ok(frame) = serde_json::from_slice::<JsonFrame>(text) else {
        return unreadable;
    };
    let Ok(body) = data_encoding::BASE64.decode(frame.data.as_bytes()) else {
        return unreadable;
    };
    if !frame.err.is_empty() {
        tracing::debug!(
            code = frame.code,
            error = frame.err,
            "the server answered with an error"
        );
    }
    Answer {
        status: frame.code,
        location: None,
        body,
    }
}

/// A URL without its password, for logs.
fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    let _ = shown.set_password(None);
    shown.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_answers_and_damage_means_try_again() {
        let answer = parse_frame(br#"{"code":200,"data":"aGk="}"#);
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"hi".as_slice()));
        assert_eq!(parse_frame(br#"{"code":406}"#).status, 406);
        for damaged in [&b"nonsense"[..], br#"{"code":200,"data":"***"}"#, b""] {
            assert_eq!(parse_frame(damaged).status, 503);
        }
    }
}
