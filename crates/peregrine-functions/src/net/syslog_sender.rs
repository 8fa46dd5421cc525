//! A connection to a log server, with a queue.

use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{SendTimeoutError, bounded};
use parking_lot::Mutex;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::prelude::*;

/// Maximum number of waiting messages.
const WAITING: usize = 1000;
/// How often to check whether the query has ended.
const TICK: Duration = Duration::from_millis(100);
/// A server that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(10);
const TRIES: u32 = 3;
/// Maximum bytes of a message over UDP.
const DATAGRAM: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Protocol {
    Udp,
    Tcp,
    Tls,
}

/// Where messages go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) protocol: Protocol,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) root_ca: String,
}

/// The sending end of the queue. A thread receives from it, and ends with the query once the queue is empty.
pub(super) struct Sender(Arc<Mutex<Option<crossbeam_channel::Sender<Vec<u8>>>>>);

impl Sender {
    /// Connects, and starts the thread.
    pub(super) fn start(scope: &Scope, target: Target) -> Result<Sender, String> {
        let mut link = Some(Link::open(&target).map_err(|error| error.to_string())?);
        let (sender, queue) = bounded::<Vec<u8>>(WAITING);
        let logs = scope.clone();
        let worker = std::thread::Builder::new()
            .name("vql-rsyslog".to_owned())
            .spawn(move || {
                for message in queue {
                    if let Err(error) = deliver(&target, &mut link, &message) {
                        logs.log_line(&format!(
                            "rsyslog: `{}:{}`: a message is lost after {TRIES} tries: {error}",
                            target.host, target.port
                        ));
                    }
                }
            })
            .map_err(|error| format!("no thread could be started: {error}"))?;
        let kept = Arc::new(Mutex::new(Some(sender)));
        let closing = Arc::clone(&kept);
        scope.at_close(Box::new(move |_| {
            closing.lock().take();
            let _ = worker.join();
        }));
        Ok(Sender(kept))
    }

    /// Adds a message to the queue, waiting for space.
    pub(super) fn send(&self, scope: &Scope, mut message: Vec<u8>) -> VqlResult<()> {
        let Some(queue) = self.0.lock().clone() else {
            return Err("the query has ended".into());
        };
        loop {
            scope.checkpoint()?;
            match queue.send_timeout(message, TICK) {
                Ok(()) => return Ok(()),
                Err(SendTimeoutError::Disconnected(_)) => return Err("the sender has ended".into()),
                Err(SendTimeoutError::Timeout(_)) if scope.cancellation().is_cancelled() => {
                    return Err(VqlError::Stopped);
                }
                Err(SendTimeoutError::Timeout(back)) => message = back,
            }
        }
    }
}

/// Sends a message, over a new connection if the old one is broken.
fn deliver(target: &Target, link: &mut Option<Link>, message: &[u8]) -> io::Result<()> {
    let mut problem = None;
    for _ in 0..TRIES {
        let mut open = match link.take() {
            Some(open) => open,
            None => match Link::open(target) {
                Ok(open) => open,
                Err(error) => {
                    problem = Some(error);
                    continue;
                }
            },
        };
        match open.send(message) {
            Ok(()) => {
                *link = Some(open);
                return Ok(());
            }
            Err(error) => problem = Some(error),
        }
    }
    Err(problem.unwrap_or_else(|| io::Error::other("no connection")))
}

enum Link {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Link {
    fn open(target: &Target) -> io::Result<Link> {
        let mut problem = io::Error::other("the name has no address");
        for address in (&*target.host, target.port).to_socket_addrs()? {
            if target.protocol == Protocol::Udp {
                let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(any)?;
                socket.connect(address)?;
                return Ok(Link::Udp(socket));
            }
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => return Link::over(target, stream),
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }

    fn over(target: &Target, stream: TcpStream) -> io::Result<Link> {
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        if target.protocol == Protocol::Tcp {
            return Ok(Link::Tcp(stream));
        }
        let name = ServerName::try_from(target.host.clone()).map_err(io::Error::other)?;
        let config = tls_config(&target.root_ca)?;
        let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        let mut tls = StreamOwned::new(connection, stream);
        while tls.conn.is_handshaking() {
            tls.conn.complete_io(&mut tls.sock)?;
        }
        Ok(Link::Tls(Box::new(tls)))
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        // The length includes the line end, so that readers of lines and readers of lengths both find the
        // next message.
        let framed = || {
            let mut framed = format!("{} ", message.len() + 1).into_bytes();
            framed.extend_from_slice(message);
            framed.push(b'\n');
            framed
        };
        match self {
            Link::Udp(socket) => {
                let cut = message.get(..DATAGRAM).unwrap_or(message);
                socket.send(cut).map(|_| ())
            }
            Link::Tcp(stream) => stream.write_all(&framed()),
            Link::Tls(stream) => {
                stream.write_all(&framed())?;
                stream.flush()
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Link::Tls(stream) = self {
            stream.conn.send_close_notify();
            // The other side may be gone.
            let _ = stream.flush();
        }
    }
}

fn tls_config(root_ca: &str) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if root_ca.trim().is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    } else {
        for certificate in CertificateDer::pem_slice_iter(root_ca.as_bytes()) {
            let certificate = certificate.map_err(|error| io::Error::other(error.to_string()))?;
            roots.add(certificate).map_err(io::Error::other)?;
        }
        if roots.is_empty() {
            return Err(io::Error::other(
                "`root_ca` has no certificate; give certificates in PEM form",
            ));
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
