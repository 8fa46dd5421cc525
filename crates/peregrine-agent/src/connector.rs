//! Which server to talk to, and in which key: the list of URLs, the server's identity, enrolment, retries.

use crate::outbox::Outbox;
use crate::transport::{Answer, Channel, Dialer};
use crate::writeback::WritebackStore;
use parking_lot::Mutex;
use peregrine_engine::Cancellation;
use peregrine_proto::VeloMessage;
use peregrine_wire::config::ClientConfig;
use peregrine_wire::{Decoder, Encoder, PrivateKey, PublicKey, enrol, pack, pki};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use url::Url;

/// Tries in a row before the next URL's turn.
const TRIES: usize = 3;
/// Enrolment is asked for at most this often.
const ENROL_PERIOD: Duration = Duration::from_secs(60);

/// What came of a post.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The server has it; these are its messages.
    Delivered(Vec<VeloMessage>),
    /// The server has it and will not work with it; trying again makes no sense.
    Refused,
    /// The server does not know this agent yet. The packet was not processed.
    NotEnrolled,
    /// No server could be reached.
    Failed,
}

/// Shared by the sending and the receiving loop.
pub(crate) struct Connector {
    pub(crate) config: Arc<ClientConfig>,
    key: Arc<PrivateKey>,
    pub(crate) dialer: Dialer,
    encoder: Encoder,
    decoder: Decoder,
    outbox: Arc<Outbox>,
    writeback: Arc<WritebackStore>,
    urls: Vec<Url>,
    state: Mutex<State>,
    pub(crate) cancellation: Cancellation,
}

struct State {
    index: usize,
    last_good: Option<usize>,
    identity: Option<PublicKey>,
    last_enrolment: Option<Instant>,
}

impl Connector {
    pub(crate) fn new(
        config: Arc<ClientConfig>,
        key: Arc<PrivateKey>,
        client_id: &str,
        dialer: Dialer,
        outbox: Arc<Outbox>,
        writeback: Arc<WritebackStore>,
        cancellation: Cancellation,
    ) -> anyhow::Result<Connector> {
        let mut urls = Vec::new();
        for text in &config.server_urls {
            let url = Url::parse(text).map_err(|error| anyhow::anyhow!("`server_urls`: `{text}`: {error}"))?;
            anyhow::ensure!(text.ends_with('/'), "`server_urls`: `{text}` must end in `/`");
            let is_known = matches!(url.scheme(), "https" | "http" | "wss" | "ws");
            anyhow::ensure!(is_known, "`server_urls`: `{text}`: the scheme must be https, http, wss or ws");
            urls.push(url);
        }
        anyhow::ensure!(!urls.is_empty(), "`server_urls` is empty: the agent has no server to talk to");
        let index = usize::try_from(random_below(urls.len() as u64)).unwrap_or(0);
        let state = State { index, last_good: None, identity: None, last_enrolment: None };
        Ok(Connector {
            encoder: Encoder::new(client_id, Arc::clone(&key), 4),
            decoder: Decoder::new(Arc::clone(&key), 4),
            config,
            key,
            dialer,
            outbox,
            writeback,
            urls,
            state: Mutex::new(state),
            cancellation,
        })
    }

    /// Sends serialised message lists to an endpoint (`control` or `reader`) and gives the server's messages.
    pub(crate) async fn post(&self, channel: &mut Channel, endpoint: &str, lists: &[Vec<u8>], urgent: bool) -> Outcome {
        for _ in 0..TRIES {
            let Some((base, identity)) = self.server(channel).await else { break };
            let Some(body) = self.seal(&identity, lists) else { return Outcome::Refused };
            let Ok(url) = base.join(endpoint) else { return Outcome::Failed };
            // A long poll answers after the poll time; everything else much sooner.
            let longest = Duration::from_secs(self.config.max_poll() * 2 + 60).max(self.dialer.timeout);
            let answer = match channel.post(&self.dialer, &url, body, urgent, longest).await {
                Ok(answer) => answer,
                Err(error) => {
                    tracing::info!(endpoint, %error, "server not reached");
                    continue;
                }
            };
            match answer.status {
                200 => return self.delivered(&identity, answer),
                400 => {
                    tracing::warn!(endpoint, "the server could not process a packet; it is dropped");
                    return Outcome::Refused;
                }
                406 => {
                    self.enrol();
                    return Outcome::NotEnrolled;
                }
                301 => self.redirect(&answer),
                408 | 503 => {
                    tracing::info!(endpoint, status = answer.status, "server busy");
                    if self.pause(Duration::from_secs(1)).await {
                        return Outcome::Failed;
                    }
                }
                status => {
                    tracing::info!(endpoint, status, "server refused a packet");
                    break;
                }
            }
        }
        self.rotate(channel);
        Outcome::Failed
    }

    /// Waits; true when the agent is ending.
    pub(crate) async fn pause(&self, duration: Duration) -> bool {
        let deadline = Instant::now() + duration;
        while !self.cancellation.is_cancelled() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            tokio::time::sleep(left.min(Duration::from_millis(500))).await;
        }
        true
    }

    /// The wait after a failure: `max_poll` and some jitter, so that a fleet does not come back all at once.
    pub(crate) fn back_off(&self) -> Duration {
        Duration::from_secs(self.config.max_poll() + random_below(self.config.max_poll_std()))
    }

    /// The current base URL and the key of the server there, fetched when it is not known.
    async fn server(&self, channel: &mut Channel) -> Option<(Url, PublicKey)> {
        let (base, identity) = {
            let state = self.state.lock();
            (self.urls.get(state.index)?.clone(), state.identity.clone())
        };
        if let Some(identity) = identity {
            return Some((base, identity));
        }
        match self.fetch_identity(channel, &base).await {
            Ok(identity) => {
                self.encoder.forget(SERVER);
                self.state.lock().identity = Some(identity.clone());
                Some((base, identity))
            }
            Err(error) => {
                tracing::info!(url = %base, %error, "the server's certificate could not be fetched");
                None
            }
        }
    }

    async fn fetch_identity(&self, channel: &mut Channel, base: &Url) -> anyhow::Result<PublicKey> {
        let mut url = base.join("server.pem")?;
        // The document is plain HTTP also where packets travel over websockets.
        let scheme = match url.scheme() {
            "wss" => "https",
            "ws" => "http",
            other => other,
        }
        .to_owned();
        anyhow::ensure!(url.set_scheme(&scheme).is_ok(), "no HTTP form of the URL");
        let answer = channel.get(&self.dialer, &url).await?;
        anyhow::ensure!(answer.status == 200, "status {}", answer.status);
        let text = String::from_utf8(answer.body)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let key = pki::verify_server(&text, &self.config.ca_certificate, self.config.pinned_server_name(), now)?;
        if let Err(error) = self.writeback.set_server_pem(&text) {
            tracing::warn!(%error, "the server's certificate could not be kept");
        }
        Ok(key)
    }

    fn seal(&self, identity: &PublicKey, lists: &[Vec<u8>]) -> Option<Vec<u8>> {
        let content = if self.config.disable_compression {
            pack::plain(lists.concat(), &self.config.nonce)
        } else {
            pack::compressed(lists.iter().map(|list| pack::compress(list)).collect(), &self.config.nonce)
        };
        let sealed = self.encoder.session(SERVER, identity).and_then(|session| session.seal(&content));
        sealed.map_err(|error| tracing::error!(%error, "a packet could not be encrypted and is lost")).ok()
    }

    fn delivered(&self, identity: &PublicKey, answer: Answer) -> Outcome {
        {
            let mut state = self.state.lock();
            state.last_good = Some(state.index);
        }
        let own_nonce = &self.config.nonce;
        let orgs = |nonce: &str| (nonce == own_nonce).then(String::new);
        let packet = match self.decoder.decode(&answer.body, &orgs, |_| Some(identity.clone())) {
            Ok(Some(packet)) => packet,
            Ok(None) => return Outcome::Delivered(Vec::new()),
            Err(error) => {
                tracing::warn!(%error, "the server's answer could not be read");
                return Outcome::Delivered(Vec::new());
            }
        };
        if !packet.is_authenticated() {
            tracing::warn!("an answer that is not signed by the server was ignored");
            return Outcome::Delivered(Vec::new());
        }
        let mut messages = Vec::new();
        for message in packet.messages() {
            match message {
                Ok(message) => messages.push(message),
                Err(error) => {
                    tracing::warn!(%error, "a message of the server could not be read");
                    break;
                }
            }
        }
        Outcome::Delivered(messages)
    }

    fn enrol(&self) {
        {
            let mut state = self.state.lock();
            if state.last_enrolment.is_some_and(|last| last.elapsed() < ENROL_PERIOD) {
                return;
            }
            state.last_enrolment = Some(Instant::now());
        }
        match enrol::request(&self.key) {
            Ok(request) => {
                tracing::info!("asking the server to enrol this agent");
                self.outbox.send_urgent(request);
            }
            Err(error) => tracing::error!(%error, "no enrolment request could be made"),
        }
    }

    fn redirect(&self, answer: &Answer) {
        let Some(location) = answer.location.as_deref() else { return };
        let mut state = self.state.lock();
        // Only servers of the configuration are followed: nothing outside of it can move an agent elsewhere.
        if let Some(index) = self.urls.iter().position(|url| url.as_str() == location) {
            tracing::info!(url = location, "redirected");
            state.index = index;
            state.identity = None;
        }
    }

    /// The next URL's turn, with a fresh look at the server's identity.
    fn rotate(&self, channel: &mut Channel) {
        channel.close();
        let mut state = self.state.lock();
        state.index = (state.index + 1) % self.urls.len();
        state.identity = None;
    }
}

/// Name of the peer in the encoder; there is one.
const SERVER: &str = "server";

/// A number below `bound`, for jitter.
pub(crate) fn random_below(bound: u64) -> u64 {
    if bound == 0 {
        return 0;
    }
    peregrine_wire::random::<8>().map_or(0, |bytes| u64::from_le_bytes(bytes) % bound)
}
