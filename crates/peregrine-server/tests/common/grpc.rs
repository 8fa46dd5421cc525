//! A gRPC client, as a program of a user has one.

use super::http::PATIENCE;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use peregrine_proto::{
    HealthCheckRequest, HealthCheckResponse, VqlCollectorArgs, VqlEnv, VqlRequest, VqlResponse,
};
use peregrine_server::Config;
use peregrine_wire::{PrivateKey, pki};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A certificate of the deployment, as of a moment: PEM of certificate and key.
pub fn certificate(config: &Config, name: &str, moment: u64) -> (String, String) {
    let authority = PrivateKey::from_pem(&config.ca.private_key).unwrap();
    let issued = pki::issue(&config.client.ca_certificate, &authority, name, moment, 1).unwrap();
    (issued.certificate, issued.key.to_pem().unwrap().to_string())
}

/// What a client with this certificate, or none, needs for TLS.
pub fn tls(config: &Config, certificate: Option<(String, String)>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(config.client.ca_certificate.as_bytes()) {
        roots.add(root.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut tls = match certificate {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = CertificateDer::pem_slice_iter(chain.as_bytes());
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            let chain = chain.collect::<Result<_, _>>().unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    tls.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(tls)
}

/// A connection of a program.
#[derive(Clone)]
pub struct Program(SendRequest<Body>);

impl Program {
    /// Connects with a certificate for this user.
    pub async fn connect(address: SocketAddr, config: &Config, user: &str) -> Program {
        let tls = tls(config, Some(certificate(config, user, now())));
        Program::over(TcpStream::connect(address).await.unwrap(), tls)
            .await
            .unwrap()
    }

    pub async fn over<S>(stream: S, tls: Arc<ClientConfig>) -> io::Result<Program>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let name = pki::SERVER_NAME.try_into().unwrap();
        let stream = TlsConnector::from(tls).connect(name, stream).await?;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        tokio::spawn(connection);
        Ok(Program(sender))
    }

    fn client(
        &self,
    ) -> Grpc<
        impl tower::Service<
            http::Request<Body>,
            Response = http::Response<hyper::body::Incoming>,
            Error = hyper::Error,
            Future: Send,
        > + use<>,
    > {
        let sender = self.0.clone();
        let service = tower::service_fn(move |request| sender.clone().send_request(request));
        Grpc::with_origin(service, "https://localhost".parse().unwrap())
    }

    pub async fn query(&self, request: VqlCollectorArgs) -> Result<Streaming<VqlResponse>, Status> {
        let codec = ProstCodec::<VqlCollectorArgs, VqlResponse>::default();
        let path = "/proto.API/Query".parse().unwrap();
        let mut client = self.client();
        let answer = client.server_streaming(tonic::Request::new(request), path, codec);
        let answer = timeout(PATIENCE, answer).await.expect("an answer in time")?;
        Ok(answer.into_inner())
    }

    /// All messages of an answer, and its status.
    pub async fn messages(&self, request: VqlCollectorArgs) -> (Vec<VqlResponse>, Option<Status>) {
        match self.query(request).await {
            Ok(answer) => rest(answer).await,
            Err(status) => (Vec::new(), Some(status)),
        }
    }

    /// Calls a method whose messages look like those of `Check`.
    pub async fn check(&self, method: &str) -> Result<i32, Status> {
        let codec = ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default();
        let path = format!("/proto.API/{method}").parse().unwrap();
        let request = tonic::Request::new(HealthCheckRequest::default());
        let mut client = self.client();
        let answer = client.unary(request, path, codec);
        let answer = timeout(PATIENCE, answer).await.expect("an answer in time")?;
        Ok(answer.into_inner().status)
    }
}

/// The next message; `None` at the end.
pub async fn next(answer: &mut Streaming<VqlResponse>) -> Result<Option<VqlResponse>, Status> {
    timeout(PATIENCE, answer.message())
        .await
        .expect("a message in time")
}

/// What is left of an answer, and its status if that is not OK.
pub async fn rest(mut answer: Streaming<VqlResponse>) -> (Vec<VqlResponse>, Option<Status>) {
    let mut messages = Vec::new();
    loop {
        match next(&mut answer).await {
            Ok(Some(message)) => messages.push(message),
            Ok(None) => return (messages, None),
            Err(status) => return (messages, Some(status)),
        }
    }
}

/// A request with these texts.
pub fn ask(texts: &[&str]) -> VqlCollectorArgs {
    let text = |(at, text): (usize, &&str)| VqlRequest {
        vql: (*text).to_owned(),
        name: format!("Q{at}"),
    };
    VqlCollectorArgs {
        query: texts.iter().enumerate().map(text).collect(),
        env: vec![VqlEnv {
            key: "Given".to_owned(),
            value: "<value>".to_owned(),
            comment: String::new(),
        }],
        ..Default::default()
    }
}
