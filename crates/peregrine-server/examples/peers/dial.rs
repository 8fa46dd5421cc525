//! Connections to the server: TCP from a chosen address, TLS, persistent HTTP, websockets.

use crate::common::agent::Agent;
use bytes::Bytes;
use data_encoding::BASE64;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use peregrine_server::Config;
use peregrine_wire::PrivateKey;
use serde_json::Value;
use std::io::{Error, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

pub(crate) type Socket = WebSocketStream<TlsStream<TcpStream>>;

pub(crate) struct Dialer {
    address: SocketAddr,
    tls: TlsConnector,
}

impl Dialer {
    pub(crate) fn new(config: &Config) -> Dialer {
        let mut roots = rustls::RootCertStore::empty();
        let ca = peregrine_wire::pem::first(&config.client.ca_certificate, "CERTIFICATE").unwrap();
        roots.add(ca.to_vec().into()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        // The port chosen with `--agent-port` is only in the agents' server URL.
        let url = config.client.server_urls.first().unwrap();
        let port = url.trim_end_matches('/').rsplit(':').next().unwrap();
        Dialer {
            address: SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap())),
            tls: TlsConnector::from(Arc::new(tls)),
        }
    }

    /// A connection from 127.0.0.`from`.
    pub(crate) async fn tcp(&self, from: u8) -> Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from(([127, 0, 0, from], 0)))?;
        let stream = socket.connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    pub(crate) async fn tls(&self, from: u8) -> Result<TlsStream<TcpStream>> {
        let name = "localhost".try_into().map_err(Error::other)?;
        self.tls.connect(name, self.tcp(from).await?).await
    }

    pub(crate) async fn http(&self, from: u8) -> Result<http1::SendRequest<Full<Bytes>>> {
        let io = TokioIo::new(self.tls(from).await?);
        let (sender, connection) = http1::handshake(io).await.map_err(Error::other)?;
        tokio::spawn(connection);
        Ok(sender)
    }

    pub(crate) async fn websocket(&self, from: u8, path: &str) -> Result<Socket> {
        let url = format!("ws://{}{path}", self.address);
        let upgraded = tokio_tungstenite::client_async(url, self.tls(from).await?).await;
        Ok(upgraded.map_err(Error::other)?.0)
    }

    /// An agent with this key.
    pub(crate) async fn agent(&self, config: &Config, pem: &str, key: Arc<PrivateKey>) -> Agent {
        Agent::with_key(self.address, config, pem, key)
    }

    pub(crate) async fn server_pem(&self) -> String {
        let mut connection = HttpConnection::new(1);
        let request = Request::get("/server.pem").header("host", "peers");
        let request = request.body(Full::default()).unwrap();
        let response = connection.send(self, request).await.unwrap();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}

/// An HTTP connection that is opened on demand.
pub(crate) struct HttpConnection {
    from: u8,
    open: Option<http1::SendRequest<Full<Bytes>>>,
}

impl HttpConnection {
    pub(crate) fn new(from: u8) -> HttpConnection {
        HttpConnection { from, open: None }
    }

    pub(crate) async fn send(
        &mut self,
        dialer: &Dialer,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>> {
        let mut sender = match self.open.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => dialer.http(self.from).await?,
        };
        sender.ready().await.map_err(Error::other)?;
        let response = sender.send_request(request).await.map_err(Error::other)?;
        self.open = Some(sender);
        Ok(response)
    }

    /// Posts a body; the body of the answer is still to be read.
    pub(crate) async fn post(
        &mut self,
        dialer: &Dialer,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Response<Incoming>> {
        let request = Request::post(path).header("host", "peers");
        let request = request.body(Full::new(body.into())).map_err(Error::other)?;
        self.send(dialer, request).await
    }

    /// Posts a body and returns only the status.
    pub(crate) async fn status(&mut self, dialer: &Dialer, path: &str, body: Vec<u8>) -> Result<u16> {
        let response = self.post(dialer, path, body).await?;
        let status = response.status().as_u16();
        response.into_body().collect().await.map_err(Error::other)?;
        Ok(status)
    }
}

pub(crate) async fn send(socket: &mut Socket, body: Vec<u8>) -> Result<()> {
    socket
        .send(Message::Binary(body.into()))
        .await
        .map_err(Error::other)
}

/// Receives the server's next frame: its code and data.
pub(crate) async fn receive(socket: &mut Socket) -> Result<(u16, Vec<u8>)> {
    loop {
        let message = socket.next().await.ok_or_else(|| Error::other("closed"))?;
        if let Message::Binary(body) = message.map_err(Error::other)? {
            let frame: Value = serde_json::from_slice(&body)?;
            let code = frame["code"].as_u64().unwrap_or(0);
            let data = BASE64.decode(frame["data"].as_str().unwrap_or_default().as_bytes());
            return Ok((u16::try_from(code).unwrap_or(0), data.map_err(Error::other)?));
        }
    }
}
