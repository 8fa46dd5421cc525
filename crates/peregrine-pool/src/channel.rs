//! A connection of an agent: one body and one answer at a time, over HTTP or a websocket. Like the transport
//! of a real agent, but with small buffers, because there are thousands.

use crate::counters::{Connected, Counters};
use crate::net::{Net, Stream, is_websocket};
use anyhow::Context as _;
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message as Frame, client::IntoClientRequest as _};
use url::Url;

/// Largest answer that is accepted.
const MAX_ANSWER: usize = 100 << 20;
/// Bytes read at a time from a websocket.
const READ_BUFFER: usize = 4 << 10;

/// Answer of a server: an HTTP status and the body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// What is done with a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    /// Ahead of other packets.
    PostUrgent,
}

/// A connection that is kept between requests.
#[derive(Default)]
pub(crate) struct Channel {
    link: Option<Link>,
    /// Counts it while it is open.
    counters: Option<Arc<Counters>>,
}

struct Link {
    connection: Connection,
    _counted: Option<Connected>,
}

enum Connection {
    Http(http1::SendRequest<Full<Bytes>>),
    Websocket(Box<WebSocketStream<Box<dyn Stream>>>),
}

/// Where a request goes, and from whom.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) url: &'a Url,
    pub(crate) addresses: &'a [SocketAddr],
    /// The number of the agent.
    pub(crate) agent: usize,
    pub(crate) tls: &'a TlsConnector,
}

impl Channel {
    /// A channel whose connection is counted.
    pub(crate) fn counted(counters: &Arc<Counters>) -> Channel {
        Channel {
            link: None,
            counters: Some(Arc::clone(counters)),
        }
    }

    /// Drops the connection; the next request makes a new one.
    pub(crate) fn close(&mut self) {
        self.link = None;
    }

    /// Sends a body and waits for the answer, on a connection that is made if there is none. A websocket
    /// belongs to one URL. `hear` is called with the status as soon as it is known, which may be long before
    /// the answer is complete.
    pub(crate) async fn exchange(
        &mut self,
        net: &Net,
        target: Target<'_>,
        verb: Verb,
        body: Vec<u8>,
        hear: &(dyn Fn(u16) + Sync),
    ) -> anyhow::Result<Answer> {
        let mut link = self.take_link(net, target).await?;
        let answer = match &mut link.connection {
            Connection::Http(sender) => exchange_http(net, sender, target.url, verb, body, hear).await?,
            Connection::Websocket(socket) => exchange_frames(net, socket, body, hear).await?,
        };
        // The server closes a websocket after most refusals.
        if answer.status == 200 || matches!(link.connection, Connection::Http(_)) {
            self.link = Some(link);
        }
        Ok(answer)
    }

    async fn take_link(&mut self, net: &Net, target: Target<'_>) -> anyhow::Result<Link> {
        if let Some(mut link) = self.link.take() {
            let is_usable = match &mut link.connection {
                Connection::Http(sender) => sender.ready().await.is_ok(),
                Connection::Websocket(_) => true,
            };
            if is_usable {
                return Ok(link);
            }
        }
        // Boxed, because it is large, and seldom alive.
        let connection = Box::pin(connect(net, target)).await?;
        Ok(Link {
            connection,
            _counted: self.counters.as_ref().map(Connected::new),
        })
    }
}

async fn connect(net: &Net, target: Target<'_>) -> anyhow::Result<Connection> {
    let (stream, _permit) = net.dial(target).await?;
    if is_websocket(target.url) {
        let limits = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(MAX_ANSWER))
            .max_frame_size(Some(MAX_ANSWER));
        let request = target.url.as_str().into_client_request()?;
        let opening = tokio_tungstenite::client_async_with_config(request, stream, Some(limits));
        let (socket, _) = timeout(net.timeout(), opening).await.context("no answer")??;
        return Ok(Connection::Websocket(Box::new(socket)));
    }
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "http connection ended");
        }
    });
    Ok(Connection::Http(sender))
}

async fn exchange_http(
    net: &Net,
    sender: &mut http1::SendRequest<Full<Bytes>>,
    url: &Url,
    verb: Verb,
    body: Vec<u8>,
    hear: &(dyn Fn(u16) + Sync),
) -> anyhow::Result<Answer> {
    let host = match (url.host_str().unwrap_or_default(), url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    let method = if verb == Verb::Get {
        Method::GET
    } else {
        Method::POST
    };
    let mut request = Request::builder()
        .method(method)
        .uri(url.path())
        .header("Host", host)
        .header("User-Agent", "Velociraptor")
        .header("Content-Type", "application/binary");
    if verb == Verb::PostUrgent {
        request = request.header("X-Priority", "urgent");
    }
    let request = request.body(Full::new(Bytes::from(body)))?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    hear(status);
    let location = response
        .headers()
        .get("Location")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let mut body = Limited::new(response.into_body(), MAX_ANSWER);
    let mut bytes = Vec::new();
    loop {
        // From the head on, a server sends something every few seconds, if only a sign of life.
        let frame = timeout(net.silence, body.frame()).await.context("silence")?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?;
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data);
        }
    }
    Ok(Answer {
        status,
        location,
        body: bytes,
    })
}

async fn exchange_frames(
    net: &Net,
    socket: &mut WebSocketStream<Box<dyn Stream>>,
    body: Vec<u8>,
    hear: &(dyn Fn(u16) + Sync),
) -> anyhow::Result<Answer> {
    timeout(net.timeout(), socket.send(Frame::Binary(Bytes::from(body))))
        .await
        .context("the server does not read")??;
    loop {
        let frame = timeout(net.silence, socket.next()).await.context("silence")?;
        let text = match frame.context("the server closed the websocket")?? {
            Frame::Binary(bytes) => bytes,
            Frame::Text(text) => Bytes::from(text.as_bytes().to_vec()),
            Frame::Close(_) => anyhow::bail!("the server closed the websocket"),
            // The library answers pings when we continue reading. Nobody pings whom it does not accept.
            _ => {
                hear(200);
                continue;
            }
        };
        let answer = parse_frame(&text);
        hear(answer.status);
        return Ok(answer);
    }
}

#[derive(serde::Deserialize)]
struct JsonFrame {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    data: String,
}

/// A server's frame; an unreadable one counts as "try again".
fn parse_frame(text: &[u8]) -> Answer {
    let parsed = serde_json::from_slice::<JsonFrame>(text).ok().and_then(|frame| {
        let body = data_encoding::BASE64.decode(frame.data.as_bytes()).ok()?;
        Some((frame.code, body))
    });
    let (status, body) = parsed.unwrap_or((503, Vec::new()));
    Answer {
        status,
        location: None,
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::parse_frame;

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
