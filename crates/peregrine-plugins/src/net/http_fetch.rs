//! One HTTP exchange on its own thread, so that a query that ends does not wait for a silent server.

use super::http_socket;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use peregrine_engine::prelude::*;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::time::Duration;
use ureq::http;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// A request, with its body if it has one.
pub(super) type Request = http::Request<Option<Vec<u8>>>;

/// Number of bytes read at once.
const PIECE: usize = 64 << 10;
const STACK: usize = 512 << 10;
/// How often to check whether the query has ended.
const TICK: Duration = Duration::from_millis(100);
const CONNECT: Duration = Duration::from_secs(30);
/// A server that is silent for this long is given up.
const SILENCE: Duration = Duration::from_secs(120);

/// The head of an answer.
pub(super) struct Head {
    pub(super) status: u16,
    /// A list of values for each name, names written `Like-This`.
    pub(super) headers: Dict,
}

enum Event {
    Head(Head),
    Piece(Vec<u8>),
    End,
    Failed(String),
}

/// Why there is no answer, or no more of it.
pub(super) enum Trouble {
    /// The query has ended.
    Stopped,
    /// The exchange failed.
    Failed(String),
}

impl From<Stop> for Trouble {
    fn from(_: Stop) -> Trouble {
        Trouble::Stopped
    }
}

/// A running exchange. When it is dropped, its thread ends with the next piece or after the timeout.
pub(super) struct Fetch {
    events: Receiver<Event>,
    head: Head,
}

impl Fetch {
    /// Sends the request and waits for the head of the answer.
    pub(super) fn start(scope: &Scope, agent: ureq::Agent, request: Request) -> Result<Fetch, Trouble> {
        let (sender, events) = bounded(2);
        let work = move || {
            let last = match exchange(&agent, request, &sender) {
                Ok(()) => Event::End,
                Err(error) => Event::Failed(error),
            };
            // Nobody receives it once the query has ended.
            let _ = sender.send(last);
        };
        std::thread::Builder::new()
            .name("http".to_owned())
            .stack_size(STACK)
            .spawn(work)
            .map_err(|error| Trouble::Failed(format!("no thread could be started: {error}")))?;
        match next(scope, &events)? {
            Event::Head(head) => Ok(Fetch { events, head }),
            Event::Failed(error) => Err(Trouble::Failed(error)),
            Event::Piece(_) | Event::End => Err(Trouble::Failed("the server gave no answer".to_owned())),
        }
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// The next piece of the body; `None` at its end.
    pub(super) fn piece(&self, scope: &Scope) -> Result<Option<Vec<u8>>, Trouble> {
        match next(scope, &self.events)? {
            Event::Piece(piece) => Ok(Some(piece)),
            Event::End | Event::Head(_) => Ok(None),
            Event::Failed(error) => Err(Trouble::Failed(error)),
        }
    }
}

fn next(scope: &Scope, events: &Receiver<Event>) -> Result<Event, Trouble> {
    loop {
        scope.checkpoint()?;
        match events.recv_timeout(TICK) {
            Ok(event) => return Ok(event),
            Err(RecvTimeoutError::Timeout) if scope.cancellation().is_cancelled() => {
                return Err(Trouble::Stopped);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Trouble::Failed("the exchange broke off".to_owned()));
            }
        }
    }
}

fn exchange(agent: &ureq::Agent, request: Request, events: &Sender<Event>) -> Result<(), String> {
    let (parts, body) = request.into_parts();
    let response = match body {
        Some(body) => agent.run(http::Request::from_parts(parts, body)),
        None => agent.run(http::Request::from_parts(parts, ())),
    };
    let (parts, body) = response.map_err(|error| error.to_string())?.into_parts();
    let head = Head {
        status: parts.status.as_u16(),
        headers: headers(&parts.headers),
    };
    if events.send(Event::Head(head)).is_err() {
        return Ok(());
    }
    let encoding = parts.headers.get(http::header::CONTENT_ENCODING);
    let encoding = encoding.map(http::HeaderValue::as_bytes).unwrap_or_default();
    let mut body = unpacked(body.into_reader(), encoding).map_err(|error| error.to_string())?;
    let mut buffer = vec![0; PIECE];
    loop {
        match body.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => {
                let piece = buffer.get(..length).unwrap_or_default().to_vec();
                if events.send(Event::Piece(piece)).is_err() {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// The decompressed body. We do not ask for compression, but some servers use it anyway; a body that is only
/// declared as compressed is returned as it is.
fn unpacked(body: impl Read + 'static, encoding: &[u8]) -> io::Result<Box<dyn Read>> {
    let mut body = BufReader::with_capacity(PIECE, body);
    let start = body.fill_buf()?;
    Ok(match encoding.trim_ascii().to_ascii_lowercase().as_slice() {
        b"gzip" | b"x-gzip" if start.starts_with(&[0x1f, 0x8b]) => {
            Box::new(flate2::bufread::MultiGzDecoder::new(body))
        }
        b"deflate" if start.first().is_some_and(|first| first & 0x0f == 8) => {
            Box::new(flate2::bufread::ZlibDecoder::new(body))
        }
        _ => Box::new(body),
    })
}

fn headers(map: &http::HeaderMap) -> Dict {
    let shown = Dict::new();
    for name in map.keys() {
        let values: Value = map
            .get_all(name)
            .iter()
            .map(|value| Value::Str(Str::from(value.as_bytes().to_vec())))
            .collect();
        shown.set(title(name.as_str()), values);
    }
    shown
}

/// `content-type` as `Content-Type`, as queries expect it.
fn title(name: &str) -> String {
    let mut is_start = true;
    name.chars()
        .map(|letter| {
            let shown = if is_start {
                letter.to_ascii_uppercase()
            } else {
                letter
            };
            is_start = letter == '-';
            shown
        })
        .collect()
}

/// How servers are reached and verified.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach<'a> {
    /// Accept any certificate.
    pub(super) skip_verify: bool,
    /// Certificates (PEM) of the only authorities to trust; the public ones when empty.
    pub(super) root_ca: &'a str,
    /// The server is on this machine, and is not reached through a proxy.
    pub(super) is_local: bool,
    /// The Unix socket of the server.
    pub(super) socket: Option<&'a str>,
}

/// The client for servers reached in this way; one for the whole query, so that connections are reused.
pub(super) fn client(scope: &Scope, reach: Reach<'_>) -> Result<ureq::Agent, String> {
    let made = scope.cache(&format!("http {reach:?}"), || new_client(reach));
    made.as_ref().clone()
}

fn new_client(reach: Reach<'_>) -> Result<ureq::Agent, String> {
    let roots = if reach.root_ca.trim().is_empty() {
        RootCerts::WebPki
    } else {
        let mut certificates = Vec::new();
        for item in ureq::tls::parse_pem(reach.root_ca.as_bytes()) {
            if let ureq::tls::PemItem::Certificate(certificate) = item.map_err(|error| error.to_string())? {
                certificates.push(certificate);
            }
        }
        if certificates.is_empty() {
            return Err("`root_ca` has no certificate; give certificates in PEM form".to_owned());
        }
        RootCerts::Specific(Arc::new(
            certificates.into_iter().collect::<Vec<Certificate<'static>>>(),
        ))
    };
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .root_certs(roots)
        .disable_verification(reach.skip_verify)
        .build();
    let mut config = ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .timeout_per_write(Some(SILENCE));
    if reach.is_local || reach.socket.is_some() {
        config = config.proxy(None);
    }
    let config = config.build();
    Ok(match reach.socket {
        Some(socket) => http_socket::client(config, socket),
        None => config.new_agent(),
    })
}
