//! A connection to a PostgreSQL server, encrypted according to the settings.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::guard::{Allowance, Guard};
use super::settings::{Encryption, Settings};
use peregrine_tls::{self as tls, Verify};

/// Length 8, and the number that requests TLS.
const ASK_FOR_TLS: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A stream for both directions.
pub(super) trait Both: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Both for T {}

/// A connection over any transport.
pub(super) type Stream = Guard<Box<dyn Both>>;

/// The TLS configuration for the settings.
pub(super) fn tls_config(settings: &Settings) -> Result<Option<Arc<ClientConfig>>, String> {
    let verify = match settings.encryption {
        Encryption::Never => return Ok(None),
        Encryption::Preferred => Verify::Nothing,
        Encryption::Always(verify) => verify,
    };
    tls::config(verify, &settings.certificates).map(|config| Some(Arc::new(config)))
}

pub(super) async fn connect(
    settings: &Settings,
    tls: Option<Arc<ClientConfig>>,
    allowance: Allowance,
) -> Result<Stream, String> {
    let failed = |error: std::io::Error| format!("no connection: {error}");
    #[cfg(unix)]
    if let Some(path) = settings.socket() {
        let socket = tokio::net::UnixStream::connect(path).await.map_err(failed)?;
        return Ok(Guard::new(Box::new(socket), allowance));
    }
    let mut socket = TcpStream::connect((settings.host.as_str(), settings.port))
        .await
        .map_err(failed)?;
    socket.set_nodelay(true).map_err(failed)?;
    let Some(tls) = tls else {
        return Ok(Guard::new(Box::new(socket), allowance));
    };
    socket.write_all(&ASK_FOR_TLS).await.map_err(failed)?;
    // Only a single byte is read, so that no data sent in the clear counts as encrypted.
    match socket.read_u8().await.map_err(failed)? {
        b'S' => {
            let name = ServerName::try_from(settings.host.clone())
                .map_err(|_| "the host is not a name that TLS can check".to_owned())?;
            let stream = TlsConnector::from(tls)
                .connect(name, socket)
                .await
                .map_err(|error| format!("no encrypted connection: {error}"))?;
            Ok(Guard::new(Box::new(stream), allowance))
        }
        b'N' if settings.encryption == Encryption::Preferred => Ok(Guard::new(Box::new(socket), allowance)),
        b'N' => Err(
            "the server does not encrypt; add `sslmode=disable` to `connstring` to connect without encryption".to_owned(),
        ),
        _ => Err("the answer is not that of a PostgreSQL server".to_owned()),
    }
}
