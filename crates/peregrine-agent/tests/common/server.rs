//! A server that remembers what it is told and answers as the test says; HTTP and websockets, with and without TLS, on one
//! port.

use data_encoding::BASE64;
use parking_lot::{Condvar, Mutex};
use peregrine_proto::{FlowStats, VeloMessage, VqlResponse};
use peregrine_wire::{Decoder, Encoder, PrivateKey, PublicKey, enrol, pack, pki};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::collections::{HashMap, VecDeque};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio_tungstenite::tungstenite::{self, Message as Frame};

pub(crate) const NONCE: &str = "bm9uY2U=";
/// Longer waits mean that something is broken.
const PATIENCE: Duration = Duration::from_secs(120);
/// Size above which a server that drops large packets does so.
const TOO_LARGE: usize = 1 << 20;

/// The answer instead of a proper one.
pub(crate) enum Fault {
    /// Answer with this status, without looking at the packet.
    Status(u16),
    /// Redirect there.
    Redirect(String),
    /// Process the packet, then hang up.
    LoseReply,
    /// Process the packet, then answer with this.
    Body(Vec<u8>),
}

/// How rows are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// With this status.
    Status(u16),
    /// With 200 and an empty body when there are many, as servers do with packets that are too large.
    Drop,
    /// By hanging up.
    HangUp,
}

/// A message, and how it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) endpoint: String,
    pub(crate) urgent: bool,
    pub(crate) client_id: String,
    pub(crate) message: VeloMessage,
}

pub(crate) struct State {
    pub(crate) clients: HashMap<String, PublicKey>,
    pub(crate) received: Vec<Received>,
    pub(crate) tasks: VecDeque<VeloMessage>,
    pub(crate) faults: HashMap<&'static str, VecDeque<Fault>>,
    /// How packets with rows of these flows are refused, every time.
    pub(crate) refused: HashMap<String, Refusal>,
    /// Connections are dropped.
    pub(crate) is_down: bool,
    /// How long the reader is kept waiting.
    pub(crate) hold: Duration,
    pub(crate) polls: usize,
    pub(crate) enrolments: usize,
    /// Of `server.pem`.
    pub(crate) fetches: usize,
    identity: Identity,
    decoder: Arc<Decoder>,
    encoder: Arc<Encoder>,
}

#[derive(Clone)]
struct Identity {
    certificate: String,
    key: Arc<PrivateKey>,
}

/// Cheap to clone; all clones are the same server.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) ca: String,
    ca_key: Arc<PrivateKey>,
    shared: Arc<(Mutex<State>, Condvar)>,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl Server {
    pub(crate) fn start() -> Server {
        let ca = pki::create_ca(now()).unwrap();
        let identity = issue(&ca.certificate, &ca.key, pki::SERVER_NAME);
        let state = State {
            clients: HashMap::new(),
            received: Vec::new(),
            tasks: VecDeque::new(),
            faults: HashMap::new(),
            refused: HashMap::new(),
            is_down: false,
            hold: Duration::from_millis(200),
            polls: 0,
            enrolments: 0,
            fetches: 0,
            decoder: Arc::new(Decoder::new(Arc::clone(&identity.key), 100)),
            encoder: Arc::new(Encoder::new(pki::SERVER_NAME, Arc::clone(&identity.key), 100)),
            identity,
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server {
            port: listener.local_addr().unwrap().port(),
            ca: ca.certificate,
            ca_key: Arc::new(ca.key),
            shared: Arc::new((Mutex::new(state), Condvar::new())),
        };
        let accepting = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = accepting.clone();
                std::thread::spawn(move || server.serve(stream));
            }
        });
        server
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let outcome = change(&mut self.shared.0.lock());
        self.shared.1.notify_all();
        outcome
    }

    pub(crate) fn task(&self, message: VeloMessage) {
        self.change(|state| state.tasks.push_back(message));
    }

    pub(crate) fn fault(&self, endpoint: &'static str, fault: Fault) {
        self.change(|state| state.faults.entry(endpoint).or_default().push_back(fault));
    }

    /// A new key and certificate; of a foreign authority when `is_foreign`.
    pub(crate) fn change_identity(&self, is_foreign: bool) {
        let identity = if is_foreign {
            let ca = pki::create_ca(now()).unwrap();
            issue(&ca.certificate, &ca.key, pki::SERVER_NAME)
        } else {
            issue(&self.ca, &self.ca_key, pki::SERVER_NAME)
        };
        self.change(|state| {
            state.decoder = Arc::new(Decoder::new(Arc::clone(&identity.key), 100));
            state.encoder = Arc::new(Encoder::new(pki::SERVER_NAME, Arc::clone(&identity.key), 100));
            state.identity = identity;
        });
    }

    /// Of the certificate in use.
    pub(crate) fn thumbprint(&self) -> String {
        self.change(|state| pki::facts(&state.identity.certificate).unwrap().thumbprint)
    }

    /// Waits until `look` finds what the test expects.
    pub(crate) fn wait<T>(&self, what: &str, look: impl Fn(&State) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shared.0.lock();
        loop {
            if let Some(found) = look(&state) {
                return found;
            }
            let is_late = self.shared.1.wait_until(&mut state, deadline).timed_out();
            assert!(!is_late, "no {what} came; received: {:#?}", state.received);
        }
    }

    /// The final statistics of a flow.
    pub(crate) fn wait_for_end(&self, flow: &str) -> FlowStats {
        self.wait(&format!("end of {flow}"), |state| {
            let mut stats = state.of(flow).filter_map(|message| message.flow_stats.as_ref());
            stats.rfind(|stats| stats.flow_complete).cloned()
        })
    }

    pub(crate) fn wait_for_polls(&self, more: usize) {
        let before = self.change(|state| state.polls);
        self.wait("poll", |state| (state.polls >= before + more).then_some(()));
    }

    pub(crate) fn rows(&self, flow: &str) -> Vec<VqlResponse> {
        self.change(|state| {
            state
                .of(flow)
                .filter_map(|message| message.vql_response.clone())
                .collect()
        })
    }

    pub(crate) fn logs(&self, flow: &str) -> String {
        self.change(|state| {
            state
                .of(flow)
                .filter_map(|message| message.log_message.as_ref())
                .map(|log| log.jsonl.as_str())
                .collect()
        })
    }

    fn serve(&self, stream: TcpStream) {
        let mut first = [0; 1];
        if stream.peek(&mut first).is_err() || self.change(|state| state.is_down) {
            return;
        }
        // The first byte of a TLS handshake.
        if first == [0x16] {
            let identity = self.change(|state| state.identity.clone());
            let connection = rustls::ServerConnection::new(tls(&identity)).unwrap();
            self.serve_plain(rustls::StreamOwned::new(connection, stream));
        } else {
            self.serve_plain(stream);
        }
    }

    fn serve_plain<S: Read + Write>(&self, mut stream: S) {
        while let Some(request) = read_request(&mut stream) {
            if let Some(key) = request.websocket {
                let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
                let head = format!(
                    "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
                );
                if stream.write_all(head.as_bytes()).is_ok() {
                    let socket = tungstenite::WebSocket::from_raw_socket(
                        stream,
                        tungstenite::protocol::Role::Server,
                        None,
                    );
                    self.serve_frames(&request.path, socket);
                }
                return;
            }
            let (status, body) = match request.path.as_str() {
                "server.pem" => {
                    let certificate = self.change(|state| {
                        state.fetches += 1;
                        state.identity.certificate.clone()
                    });
                    (200, certificate.into_bytes())
                }
                path => match self.answer(path, request.urgent, &request.body) {
                    Some(answer) => answer,
                    None => return,
                },
            };
            let location = match status {
                301 => format!("Location: {}\r\n", String::from_utf8_lossy(&body)),
                _ => String::new(),
            };
            let head = format!(
                "HTTP/1.1 {status} X\r\n{location}Content-Length: {}\r\n\r\n",
                body.len()
            );
            let written = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(&body));
            if written.and_then(|()| stream.flush()).is_err() {
                return;
            }
        }
    }

    fn serve_frames<S: Read + Write>(&self, endpoint: &str, mut socket: tungstenite::WebSocket<S>) {
        while let Ok(frame) = socket.read() {
            let Frame::Binary(body) = frame else { continue };
            let Some((code, data)) = self.answer(endpoint, false, &body) else {
                return;
            };
            let json = serde_json::json!({ "code": code, "data": BASE64.encode(&data) }).to_string();
            let sent = socket.send(Frame::Ping(Default::default()));
            if sent
                .and_then(|()| socket.send(Frame::Binary(json.into())))
                .is_err()
                || code != 200
            {
                return;
            }
        }
    }

    /// Status and body; `None` hangs up.
    fn answer(&self, endpoint: &str, urgent: bool, body: &[u8]) -> Option<(u16, Vec<u8>)> {
        let fault = self.change(|state| {
            if state.is_down {
                Some(Fault::LoseReply)
            } else {
                state.faults.get_mut(endpoint).and_then(VecDeque::pop_front)
            }
        });
        match fault {
            Some(Fault::Status(status)) => return Some((status, Vec::new())),
            Some(Fault::Redirect(to)) => return Some((301, to.into_bytes())),
            Some(Fault::LoseReply) if self.change(|state| state.is_down) => return None,
            _ => {}
        }
        let (decoder, encoder) =
            self.change(|state| (Arc::clone(&state.decoder), Arc::clone(&state.encoder)));
        let orgs = |nonce: &str| (nonce == NONCE).then(|| "root".to_owned());
        let packet = match decoder.decode(body, &orgs, |id| {
            self.change(|state| state.clients.get(id).cloned())
        }) {
            Ok(Some(packet)) => packet,
            Ok(None) => return Some((400, Vec::new())),
            Err(error) => return Some((error.status(), Vec::new())),
        };
        let Some(key) = packet.key.clone() else {
            if let Some(request) = packet.enrolment_request() {
                let enrolled = enrol::check_request(&request).unwrap();
                self.change(|state| {
                    state.enrolments += 1;
                    state.clients.insert(enrolled.client_id, enrolled.key);
                });
            }
            return Some((406, Vec::new()));
        };
        let messages: Vec<VeloMessage> = packet.messages().map(Result::unwrap).collect();
        let refusal = self.change(|state| {
            let mut with_rows = messages.iter().filter(|message| message.vql_response.is_some());
            with_rows.find_map(|message| state.refused.get(&message.session_id).copied())
        });
        match refusal {
            Some(Refusal::Status(status)) => return Some((status, Vec::new())),
            Some(Refusal::Drop) if body.len() > TOO_LARGE => return Some((200, Vec::new())),
            Some(Refusal::HangUp) => return None,
            Some(Refusal::Drop) | None => {}
        }
        self.change(|state| {
            state
                .received
                .extend(messages.into_iter().map(|message| Received {
                    endpoint: endpoint.to_owned(),
                    urgent,
                    client_id: packet.source.clone(),
                    message,
                }));
        });
        match fault {
            Some(Fault::LoseReply) => return None,
            Some(Fault::Body(body)) => {
                self.change(|state| state.polls += 1);
                return Some((200, body));
            }
            _ => {}
        }
        let mut tasks = Vec::new();
        if endpoint == "reader" {
            let mut state = self.shared.0.lock();
            state.polls += 1;
            self.shared.1.notify_all();
            let deadline = Instant::now() + state.hold;
            while state.tasks.is_empty()
                && !state.is_down
                && !self.shared.1.wait_until(&mut state, deadline).timed_out()
            {}
            if state.tasks.is_empty() {
                return Some((200, pack::PAD.to_vec()));
            }
            tasks.extend(state.tasks.drain(..));
        }
        let session = encoder.session(&packet.source, &key).unwrap();
        let sealed = session.seal(&pack::plain(pack::batch(tasks), NONCE)).unwrap();
        // As a real server does: pads before the packet.
        Some((200, [pack::PAD.as_slice(), &sealed].concat()))
    }

    /// A packet for the client from a server with this key.
    pub(crate) fn forged(
        &self,
        by: &Arc<PrivateKey>,
        client_id: &str,
        messages: Vec<VeloMessage>,
    ) -> Vec<u8> {
        let key = self.change(|state| state.clients[client_id].clone());
        let encoder = Encoder::new(pki::SERVER_NAME, Arc::clone(by), 1);
        encoder
            .session(client_id, &key)
            .unwrap()
            .seal(&pack::plain(pack::batch(messages), NONCE))
            .unwrap()
    }
}

impl State {
    pub(crate) fn of<'a>(&'a self, flow: &'a str) -> impl DoubleEndedIterator<Item = &'a VeloMessage> {
        self.received
            .iter()
            .map(|received| &received.message)
            .filter(move |message| message.session_id == flow)
    }
}

fn issue(ca: &str, ca_key: &PrivateKey, name: &str) -> Identity {
    let issued = pki::issue(ca, ca_key, name, now(), pki::LEAF_DAYS).unwrap();
    Identity {
        certificate: issued.certificate,
        key: Arc::new(issued.key),
    }
}

struct Request {
    path: String,
    urgent: bool,
    /// The key of the request to become a websocket.
    websocket: Option<String>,
    body: Vec<u8>,
}

fn read_request(stream: &mut impl Read) -> Option<Request> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let field = |name: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(": "));
        fields
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
    };
    let mut body = vec![
        0;
        field("content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or(0)
    ];
    stream.read_exact(&mut body).ok()?;
    Some(Request {
        path: head.split(' ').nth(1)?.trim_start_matches('/').to_owned(),
        urgent: field("x-priority").is_some_and(|value| value == "urgent"),
        websocket: field("sec-websocket-key"),
        body,
    })
}

fn tls(identity: &Identity) -> Arc<rustls::ServerConfig> {
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.key.to_pem().unwrap().as_bytes()).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key);
    Arc::new(config.unwrap())
}
