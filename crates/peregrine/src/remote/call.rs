//! The connection to a server: TCP or a socket, TLS with certificates on both sides, HTTP/2, one call.

use anyhow::{Context as _, anyhow};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use peregrine_proto::{VqlCollectorArgs, VqlResponse};
use peregrine_wire::api_client::{ApiAddress, ApiClientConfig};
use peregrine_wire::{Silence, pem, pki};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tonic::client::Grpc;
use tonic::{Code, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::service_fn;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(30);
/// Largest message to be accepted where the file does not say, in bytes. The usual limit of gRPC, 4 MiB, is too low for rows with the
/// content of files.
const LARGEST_MESSAGE: usize = 64 << 20;
/// Methods are addressed by this path.
const METHOD: &str = "/proto.API/Query";

/// The answer of a server, as it comes.
pub(super) struct Messages {
    stream: Streaming<VqlResponse>,
    address: ApiAddress,
}

/// Starts a query on the server.
pub(super) async fn query(config: &ApiClientConfig, request: VqlCollectorArgs) -> anyhow::Result<Messages> {
    let address = config.address()?;
    let tls = tls(config)?;
    let name = ServerName::try_from(config.server_name().to_owned()).with_context(|| {
        format!(
            "`pinned_server_name` `{}` can not be the name of a server",
            config.server_name()
        )
    })?;
    let connecting = async {
        let unreachable = || {
            format!(
                "no server can be reached at `{address}` (`api_connection_string`); is it running, and is this where its API listens?"
            )
        };
        match &address {
            ApiAddress::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port))
                    .await
                    .with_context(unreachable)?;
                let _ = stream.set_nodelay(true);
                let _ = Silence::AT_AGENT.notice(&stream);
                call(stream, tls, name, config, request).await
            }
            ApiAddress::Unix(path) => {
                let stream = UnixStream::connect(path).await.with_context(unreachable)?;
                call(stream, tls, name, config, request).await
            }
        }
    };
    let stream = tokio::time::timeout(CONNECT, connecting)
        .await
        .map_err(|_| anyhow!("the server at `{address}` does not answer"))??;
    Ok(Messages { stream, address })
}

impl Messages {
    /// The next message; `None` at the end.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<VqlResponse>> {
        self.stream
            .message()
            .await
            .map_err(|status| ended(&self.address, &status))
    }
}

/// TLS with the certificate of the user, to a server of the same deployment.
fn tls(config: &ApiClientConfig) -> anyhow::Result<Arc<ClientConfig>> {
    let chain = certificates(&config.client_cert).context("`client_cert`")?;
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)?
        .as_secs();
    if let Some(holder) = chain
        .first()
        .and_then(|certificate| pki::holder(certificate).ok())
    {
        anyhow::ensure!(
            holder.not_after >= i64::try_from(now).unwrap_or(i64::MAX),
            "the certificate of `{}` has expired; `peregrine config api_client` makes a new one on the server",
            holder.name
        );
    }
    let mut roots = RootCertStore::empty();
    for root in certificates(&config.ca_certificate).context("`ca_certificate`")? {
        roots.add(root).context("`ca_certificate`")?;
    }
    let key = PrivateKeyDer::from_pem_slice(config.client_private_key.as_bytes())
        .map_err(|error| anyhow!("`client_private_key`: {error}"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .context("`client_cert` and `client_private_key`")?;
    tls.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(tls))
}

fn certificates(text: &str) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let found: Vec<CertificateDer<'static>> = pem::blocks(text)
        .filter(|(label, _)| *label == "CERTIFICATE")
        .map(|(_, der)| der.to_vec().into())
        .collect();
    anyhow::ensure!(!found.is_empty(), "there is no PEM block `CERTIFICATE`");
    Ok(found)
}

async fn call<S>(
    stream: S,
    tls: Arc<ClientConfig>,
    name: ServerName<'static>,
    config: &ApiClientConfig,
    request: VqlCollectorArgs,
) -> anyhow::Result<Streaming<VqlResponse>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let address = config.address()?;
    let stream = TlsConnector::from(tls)
        .connect(name, stream)
        .await
        .map_err(|error| unbelieved(&address, error))?;
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .with_context(|| format!("the server at `{address}` does not speak gRPC"))?;
    // The call tells of its end.
    tokio::spawn(connection);
    let service = service_fn(move |request| sender.clone().send_request(request));
    let mut client = Grpc::with_origin(service, "https://server".parse()?);
    let size = usize::try_from(config.max_grpc_recv_size).unwrap_or(usize::MAX);
    client = client.max_decoding_message_size(if size > 0 { size } else { LARGEST_MESSAGE });
    let codec = ProstCodec::<VqlCollectorArgs, VqlResponse>::default();
    let answer = client
        .server_streaming(tonic::Request::new(request), METHOD.parse()?, codec)
        .await
        .map_err(|status| unanswered(&address, &status))?;
    Ok(answer.into_inner())
}

/// Why the server is not the one of the file.
fn unbelieved(address: &ApiAddress, error: std::io::Error) -> anyhow::Error {
    let why = match tls_error(&error) {
        // Authorities of different deployments have the same name, but other keys.
        Some(rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        )) => {
            "it belongs to another deployment than the file: its certificate is not issued by `ca_certificate`"
        }
        Some(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => "its certificate is for another name than `pinned_server_name`",
        Some(rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => "its certificate has expired",
        _ => "TLS failed",
    };
    anyhow::Error::new(error).context(format!("the server at `{address}` is not believed: {why}"))
}

/// Why there is no answer. In TLS 1.3, this is where a client learns that its certificate is not accepted, but it may see only that the
/// connection ends.
fn unanswered(address: &ApiAddress, status: &Status) -> anyhow::Error {
    if let Some(rustls::Error::AlertReceived(alert)) = tls_error(status) {
        return anyhow!(
            "the server at `{address}` does not accept the certificate of the file ({alert:?}); `peregrine config api_client` makes another one there"
        );
    }
    match status.source() {
        None => anyhow!("the server at `{address}`: {}", message(status)),
        Some(_) => anyhow!(
            "the server at `{address}` ended the connection: {}; perhaps it does not accept the certificate of the file",
            message(status)
        ),
    }
}

/// Why an answer is not complete.
fn ended(address: &ApiAddress, status: &Status) -> anyhow::Error {
    let message = message(status);
    match status.source() {
        Some(_) => anyhow!("the connection to the server at `{address}` broke: {message}"),
        None if status.code() == Code::OutOfRange => {
            anyhow!("the server at `{address}` sent more than `max_grpc_recv_size` at a time: {message}")
        }
        None => anyhow!("the server at `{address}`: {message}"),
    }
}

fn message(status: &Status) -> &str {
    match status.message() {
        "" => status.code().description(),
        message => message,
    }
}

/// The error of TLS below an error.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        let io = match error.downcast_ref::<h2::Error>() {
            Some(error) => error.get_io(),
            None => error.downcast_ref::<std::io::Error>(),
        };
        let inner = io.and_then(|error| error.get_ref());
        at = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
