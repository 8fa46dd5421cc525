//! Picks the server to talk to and its key: the list of URLs, the server's identity, enrolment, retries.

use crate::net::transport::{Answer, Channel, Dialer, TransportError};
use crate::random::random_below;
use crate::state::outbox::Outbox;
use crate::state::writeback::WritebackStore;
use parking_lot::Mutex;
use peregrine_engine::Cancellation;
use peregrine_proto::VeloMessage;
use peregrine_wire::config::ClientConfig;
use peregrine_wire::{Decoder, Encoder, PrivateKey, PublicKey, enrol, ids, limits, pack, pki};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use url::Url;

/// Consecutive tries before the next URL is used.
const TRIES: usize = 3;
/// Milliseconds between tries, give or take a half.
const BETWEEN_TRIES: u64 = 400;
/// A server that has processed a packet answers with one. An empty answer to a packet larger than this means
/// that it was dropped, as servers do with packets that are too large for them.
const LARGE: usize = 1 << 20;
/// Enrolment is asked for at most this often.
const ENROL_PERIOD: Duration = Duration::from_secs(60);

/// The outcome of a post.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The server has it; these are its messages.
    Delivered(Vec<VeloMessage>),
    /// The server will not accept it, and trying again makes no sense. The reason is for people.
    Refused(String),
    /// The server does not know this agent yet. The packet was not processed.
    NotEnrolled,
    /// No server could be reached, or none answered.
    Failed {
        /// A connection was established, but broke.
        was_connected: bool,
    },
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
    state: Mutex<CurrentServer>,
    pub(crate) cancellation: Cancellation,
}

struct CurrentServer {
    /// Index of the URL in use.
    index: usize,
    /// The key of that server, once it is known.
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
            let url =
                Url::parse(text).map_err(|error| anyhow::anyhow!("`server_urls`: `{text}`: {error}"))?;
            urls.push(url);
        }
        anyhow::ensure!(
            !urls.is_empty(),
            "`server_urls` is empty: the agent has no server to talk to"
        );
        let index = usize::try_from(random_below(urls.len() as u64)).unwrap_or(0);
        let state = CurrentServer {
            index,
            identity: None,
            last_enrolment: None,
        };
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

    /// Sends serialised message lists to an endpoint (`control` or `reader`) and returns the server's
    /// messages. Tries each server once.
    pub(crate) async fn post(
        &self,
        channel: &mut Channel,
        endpoint: &str,
        lists: &[Vec<u8>],
        urgent: bool,
    ) -> Outcome {
        let mut was_connected = false;
        for _ in 0..self.urls.len() {
            let index = self.state.lock().index;
            let posted = self.post_here(index, channel, endpoint, lists, urgent, &mut was_connected);
            if let Some(outcome) = posted.await {
                return outcome;
            }
            channel.close();
            self.rotate(index);
        }
        Outcome::Failed { was_connected }
    }

    /// Like [`Connector::post`], but to one server; `None` to go on to the next.
    async fn post_here(
        &self,
        index: usize,
        channel: &mut Channel,
        endpoint: &str,
        lists: &[Vec<u8>],
        urgent: bool,
        was_connected: &mut bool,
    ) -> Option<Outcome> {
        for again in 0..TRIES {
            if again > 0 && self.pause(between_tries()).await {
                return Some(Outcome::Failed { was_connected: false });
            }
            let (base, identity) = self.server(index, channel).await?;
            let Some(body) = self.seal(&identity, lists) else {
                return Some(Outcome::Refused("it could not be encrypted".to_owned()));
            };
            let url = base.join(endpoint).ok()?;
            let size = body.len();
            let is_websocket = matches!(url.scheme(), "ws" | "wss");
            if size > limits::PACKET || (is_websocket && size > limits::FRAME) {
                return Some(Outcome::Refused(format!(
                    "its packet of {size} bytes is too large"
                )));
            }
            // A long poll is answered after the poll time, everything else much sooner.
            let longest = match endpoint {
                "reader" => Duration::from_secs(self.config.max_poll * 2 + 60).max(self.dialer.timeout),
                _ => self.dialer.timeout,
            };
            let answer = match channel.post(&self.dialer, &url, body, urgent, longest).await {
                Ok(answer) => answer,
                Err(error) => {
                    tracing::info!(endpoint, %error, "server not reached");
                    *was_connected = !matches!(error, TransportError::Connect(..));
                    continue;
                }
            };
            match answer.status {
                200 if endpoint == "control" && !is_websocket && size > LARGE && answer.body.is_empty() => {
                    tracing::warn!(
                        endpoint,
                        size,
                        "the server dropped a packet that is too large for it"
                    );
                    return Some(Outcome::Refused(format!(
                        "its packet of {size} bytes is too large for the server"
                    )));
                }
                200 => return Some(Outcome::Delivered(self.messages(&identity, &answer))),
                status @ (400 | 413) => {
                    tracing::warn!(endpoint, status, "the server could not process a packet");
                    return Some(Outcome::Refused(format!(
                        "the server refused it with status {status}"
                    )));
                }
                406 => {
                    self.enrol();
                    return Some(Outcome::NotEnrolled);
                }
                301 => {
                    self.redirect(index, &answer);
                    return None;
                }
                408 | 503 => {
                    tracing::info!(endpoint, status = answer.status, "server busy");
                    if self.pause(Duration::from_secs(1)).await {
                        return Some(Outcome::Failed { was_connected: false });
                    }
                }
                // Most likely 403: the server has a new key.
                status => {
                    tracing::info!(endpoint, status, "server refused a packet");
                    return None;
                }
            }
        }
        None
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

    /// The base URL and the server's key there, fetched if it is not known.
    async fn server(&self, index: usize, channel: &mut Channel) -> Option<(Url, PublicKey)> {
        let base = self.urls.get(index)?.clone();
        let known = {
            let state = self.state.lock();
            state.identity.clone().filter(|_| state.index == index)
        };
        if let Some(identity) = known {
            return Some((base, identity));
        }
        match self.fetch_identity(channel, &base).await {
            Ok(identity) => {
                // Proofs made with an earlier key do not count for this one.
                self.decoder.forget(&self.config.pinned_server_name);
                let mut state = self.state.lock();
                if state.index == index {
                    state.identity = Some(identity.clone());
                }
                Some((base, identity))
            }
            Err(error) => {
                tracing::info!(url = %base, %error, "the server's certificate could not be fetched");
                None
            }
        }
    }

    async fn fetch_identity(&self, channel: &mut Channel, base: &Url) -> anyhow::Result<PublicKey> {
        let answer = self.fetch_certificate(channel, base.join("server.pem")?).await?;
        anyhow::ensure!(answer.status == 200, "status {}", answer.status);
        let text = String::from_utf8(answer.body)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let key = pki::verify_server(
            &text,
            &self.config.ca_certificate,
            &self.config.pinned_server_name,
            now,
        )?;
        if let Err(error) = self.writeback.set_server_pem(&text) {
            tracing::warn!(%error, "the server's certificate could not be kept");
        }
        Ok(key)
    }

    /// If packets travel over websockets, the document is fetched over HTTP first.
    async fn fetch_certificate(&self, channel: &mut Channel, url: Url) -> anyhow::Result<Answer> {
        let scheme = match url.scheme() {
            "wss" => "https",
            "ws" => "http",
            _ => return Ok(channel.get(&self.dialer, &url).await?),
        };
        let mut plain = url.clone();
        anyhow::ensure!(plain.set_scheme(scheme).is_ok(), "no HTTP form of the URL");
        match channel.get(&self.dialer, &plain).await {
            Ok(answer) => Ok(answer),
            Err(_) => Ok(channel
                .post(&self.dialer, &url, Vec::new(), false, self.dialer.timeout)
                .await?),
        }
    }

    fn seal(&self, identity: &PublicKey, lists: &[Vec<u8>]) -> Option<Vec<u8>> {
        let content = if self.config.disable_compression {
            pack::plain(lists.concat(), &self.config.nonce)
        } else {
            pack::compressed(blobs(lists), &self.config.nonce)
        };
        let sealed = self
            .encoder
            .session(ids::SERVER, identity)
            .and_then(|session| session.seal(&content));
        sealed
            .map_err(|error| tracing::error!(%error, "a packet could not be encrypted and is lost"))
            .ok()
    }

    /// The messages in an answer; none unless it proves to be from the server.
    fn messages(&self, identity: &PublicKey, answer: &Answer) -> Vec<VeloMessage> {
        let orgs = |nonce: &str| (nonce == self.config.nonce).then(String::new);
        let key_of = |name: &str| (name == self.config.pinned_server_name).then(|| identity.clone());
        let packet = match self.decoder.decode(&answer.body, &orgs, key_of) {
            Ok(Some(packet)) if packet.is_authenticated() => packet,
            Ok(None) => return Vec::new(),
            Ok(Some(_)) => {
                tracing::warn!("an answer that is not signed by the server was ignored");
                return Vec::new();
            }
            Err(error) => {
                tracing::warn!(%error, "the server's answer could not be read");
                return Vec::new();
            }
        };
        // The iterator ends after the first error; messages before it count.
        let readable = packet.messages().filter_map(|message| {
            message
                .map_err(|error| tracing::warn!(%error, "a message of the server could not be read"))
                .ok()
        });
        readable.collect()
    }

    fn enrol(&self) {
        {
            let mut state = self.state.lock();
            if state
                .last_enrolment
                .is_some_and(|last| last.elapsed() < ENROL_PERIOD)
            {
                return;
            }
            state.last_enrolment = Some(Instant::now());
        }
        match enrol::request(&self.key) {
            Ok(request) => {
                tracing::info!("asking the server to enrol this agent");
                self.outbox.send_enrolment(request);
            }
            Err(error) => tracing::error!(%error, "no enrolment request could be made"),
        }
    }

    /// Follows redirects only to configured servers: nothing else can move an agent elsewhere.
    fn redirect(&self, from: usize, answer: &Answer) {
        let Some(location) = answer.location.as_deref() else {
            return;
        };
        if let Some(index) = self.urls.iter().position(|url| url.as_str() == location) {
            tracing::info!(url = location, "redirected");
            self.move_on(from, index);
        }
    }

    /// Switches to the next URL.
    fn rotate(&self, from: usize) {
        self.move_on(from, (from + 1) % self.urls.len());
    }

    /// Changes the URL and forgets the server's identity, unless the other loop has already done so.
    fn move_on(&self, from: usize, to: usize) {
        let mut state = self.state.lock();
        if state.index == from {
            state.index = to;
            state.identity = None;
        }
    }
}

/// Bytes of messages compressed together: smaller pieces compress worse.
const BLOB: usize = 1 << 20;

fn blobs(lists: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut blobs = Vec::new();
    let mut batch = Vec::new();
    for list in lists {
        batch.extend_from_slice(list);
        if batch.len() >= BLOB {
            blobs.push(pack::compress(&batch));
            batch.clear();
        }
    }
    if !batch.is_empty() {
        blobs.push(pack::compress(&batch));
    }
    blobs
}

fn between_tries() -> Duration {
    Duration::from_millis(BETWEEN_TRIES / 2 + random_below(BETWEEN_TRIES))
}
