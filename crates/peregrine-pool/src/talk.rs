//! How an agent talks to its server: it waits for work, and sends what it has. Timing and retries are those of
//! a real agent.

use crate::channel::{Answer, Channel, Target, Verb};
use crate::core::Core;
use crate::counters::add;
use crate::member::Member;
use crate::net::{Net, is_websocket};
use crate::{events, work};
use peregrine_agent::parts::{Retry, check_in, client_info, largest_message, random_below};
use peregrine_proto::VeloMessage;
use peregrine_wire::{PublicKey, enrol, ids, limits, pack};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Consecutive tries before the next server is used.
const TRIES: usize = 3;
/// Milliseconds between tries, give or take a half.
const BETWEEN_TRIES: u64 = 400;
/// Enrolment is asked for at most this often.
const ENROL_PERIOD: Duration = Duration::from_secs(60);
/// How often the server is asked until it knows an agent, and how often rows are retried.
const UNTIL_ENROLLED: Duration = Duration::from_secs(1);
/// Pause after an answer that brought work.
const AFTER_WORK: Duration = Duration::from_millis(50);
/// Pause between packets, so that small rows are sent together.
const BREATH: Duration = Duration::from_millis(50);
/// How long a connection on which nothing more is sent is kept.
const KEEP_OPEN: Duration = Duration::from_secs(10);

/// The outcome of a post.
enum Outcome {
    /// The server has it; these are its messages.
    Delivered(Vec<VeloMessage>),
    /// The server will not accept it.
    Refused,
    /// The server does not know this agent yet.
    NotEnrolled,
    /// No server could be reached, or none answered.
    Failed,
}

/// The messages of a packet.
struct Content {
    /// Compressed batches, or one that is not.
    blobs: Vec<Vec<u8>>,
    is_compressed: bool,
}

impl Content {
    fn of(net: &Net, messages: Vec<VeloMessage>) -> Content {
        let batch = pack::batch(messages);
        let is_compressed = !net.config.disable_compression;
        Content {
            blobs: vec![if is_compressed {
                pack::compress(&batch)
            } else {
                batch
            }],
            is_compressed,
        }
    }
}

/// Waits for work and hands it on, without end.
pub(crate) async fn listen(core: Arc<Core>, member: Arc<Member>) {
    let config = &core.net.config;
    let mut channel = Channel::counted(&core.counters);
    let mut retry = Retry::default();
    let min_poll = Duration::from_secs(config.min_poll);
    // Negative: never.
    let info_period = u64::try_from(config.client_info_update_time)
        .ok()
        .map(Duration::from_secs);
    let mut last_info: Option<Instant> = None;
    loop {
        let mut messages = vec![check_in(member.table_version.load(Ordering::Relaxed))];
        let is_due = info_period.is_some_and(|period| last_info.is_none_or(|last| last.elapsed() >= period));
        if is_due {
            messages.push(client_info(&member.facts(&core.facts)));
        }
        let content = Content::of(&core.net, messages);
        let pause = match post(&core, &member, &mut channel, "reader", content, Verb::Post).await {
            Outcome::Delivered(messages) => {
                if is_due {
                    last_info = Some(Instant::now());
                }
                let is_work = !messages.is_empty();
                messages
                    .into_iter()
                    .for_each(|message| handle(&core, &member, message));
                if is_work {
                    min_poll.min(AFTER_WORK)
                } else {
                    min_poll
                }
            }
            Outcome::Refused => min_poll,
            Outcome::NotEnrolled => {
                Box::pin(ask_to_enrol(&core, &member, &mut channel)).await;
                UNTIL_ENROLLED
            }
            Outcome::Failed => {
                sleep(retry.after_failure(config)).await;
                continue;
            }
        };
        retry.reset();
        sleep(pause).await;
    }
}

/// Sends what waits in the queue of an agent, and ends when there is nothing more.
pub(crate) async fn send(core: Arc<Core>, member: Arc<Member>) {
    let config = &core.net.config;
    let mut channel = Channel::default();
    let mut retry = Retry::default();
    let bytes = usize::try_from(config.max_upload_size)
        .unwrap_or(usize::MAX)
        .min(largest_message(config.max_upload_size));
    // When a packet is refused, the next one is smaller, until the message that causes it is found.
    let mut most = usize::MAX;
    loop {
        let Some(lease) = member.queue.lease(bytes, most) else {
            if timeout(KEEP_OPEN, member.added.notified()).await.is_ok() {
                continue;
            }
            member.is_sending.store(false, Ordering::Release);
            // Something may have come just now, and nobody was woken for it.
            if member.queue.is_empty() || member.is_sending.swap(true, Ordering::AcqRel) {
                return;
            }
            continue;
        };
        let content = if config.disable_compression {
            Content {
                blobs: vec![lease.batch()],
                is_compressed: false,
            }
        } else {
            Content {
                blobs: lease.blobs(),
                is_compressed: true,
            }
        };
        let count = lease.count;
        drop(lease);
        let pause = match post(&core, &member, &mut channel, "control", content, Verb::Post).await {
            Outcome::Delivered(_) => {
                retry.reset();
                most = most.saturating_mul(2);
                member.queue.commit(&core.budget, &core.counters);
                if member.queue.is_empty() {
                    BREATH
                } else {
                    Duration::ZERO
                }
            }
            Outcome::Refused if count > 1 => {
                member.queue.roll_back();
                most = count / 2;
                Duration::ZERO
            }
            Outcome::Refused => {
                tracing::error!(
                    agent = member.name(),
                    "a message cannot be delivered and is dropped"
                );
                member.queue.give_up(&core.budget, &core.counters);
                Duration::ZERO
            }
            Outcome::NotEnrolled => {
                member.queue.roll_back();
                2 * UNTIL_ENROLLED
            }
            Outcome::Failed => {
                member.queue.roll_back();
                retry.after_failure(config)
            }
        };
        sleep(pause).await;
    }
}

/// Carries out one message of the server; longer work continues elsewhere.
fn handle(core: &Arc<Core>, member: &Arc<Member>, message: VeloMessage) {
    let session_id = message.session_id;
    if let Some(request) = message.flow_request {
        work::accept(core, member, session_id, request, message.urgent);
    } else if message.cancel.is_some() {
        work::cancel(core, member, &session_id);
    } else if let Some(table) = message.update_event_table {
        events::replace_table(core, member, table);
    } else if let Some(request) = message.flow_stats_request {
        work::report(core, member, &request);
    } else if message.kill_kill_kill.is_some() {
        tracing::warn!(
            agent = member.name(),
            "the server asked an agent to end; it stays"
        );
    }
}

/// Presents the agent's key, at most once in a while. The answer is a refusal even when the server accepts it.
async fn ask_to_enrol(core: &Core, member: &Member, reader: &mut Channel) {
    {
        let mut last = member.last_enrolment.lock();
        if last.is_some_and(|last| last.elapsed() < ENROL_PERIOD) {
            return;
        }
        *last = Some(Instant::now());
    }
    let request = match enrol::request(&member.key) {
        Ok(request) => request,
        Err(error) => return tracing::error!(%error, "no enrolment request could be made"),
    };
    let content = Content::of(&core.net, vec![request]);
    // A websocket belongs to one path; over HTTP the connection serves both.
    let mut own = Channel::default();
    let is_shared = core.net.servers.iter().all(|server| !is_websocket(&server.url));
    let channel = if is_shared { reader } else { &mut own };
    if let Outcome::Failed = post(core, member, channel, "control", content, Verb::PostUrgent).await {
        // Sooner than after a request that has arrived.
        *member.last_enrolment.lock() = None;
    }
}

/// Sends a packet to an endpoint of the server in use, or of the next one.
async fn post(
    core: &Core,
    member: &Member,
    channel: &mut Channel,
    endpoint: &str,
    content: Content,
    verb: Verb,
) -> Outcome {
    let servers = core.net.servers.len();
    for _ in 0..servers {
        let index = member.server.load(Ordering::Relaxed) % servers.max(1);
        if let Some(outcome) = post_to(core, member, channel, index, endpoint, &content, verb).await {
            return outcome;
        }
        channel.close();
        // The other loop may have moved on already.
        let next = (index + 1) % servers;
        let _ = member
            .server
            .compare_exchange(index, next, Ordering::Relaxed, Ordering::Relaxed);
    }
    Outcome::Failed
}

/// Like [`post`], to one server; `None` to go on to the next.
async fn post_to(
    core: &Core,
    member: &Member,
    channel: &mut Channel,
    index: usize,
    endpoint: &str,
    content: &Content,
    verb: Verb,
) -> Option<Outcome> {
    let net = &core.net;
    let server = net.servers.get(index)?;
    let url = server.url.join(endpoint).ok()?;
    // A long poll is answered after the poll time, everything else much sooner.
    let longest = match endpoint {
        "reader" => Duration::from_secs(net.config.max_poll * 2 + 60).max(net.timeout()),
        _ => net.timeout(),
    };
    let note_acceptance = |status| {
        if status == 200 && !member.is_enrolled.swap(true, Ordering::Relaxed) {
            add(&core.counters.enrolled, 1);
        }
    };
    for again in 0..TRIES {
        if again > 0 {
            sleep(Duration::from_millis(
                BETWEEN_TRIES / 2 + random_below(BETWEEN_TRIES),
            ))
            .await;
        }
        let known = async { anyhow::Ok((server.addresses().await?, server.key(net, member.index).await?)) };
        let (addresses, key) = match Box::pin(known).await {
            Ok(known) => known,
            Err(error) => {
                tracing::debug!(url = %server.url, %error, "the server's certificate could not be fetched");
                add(&core.counters.errors, 1);
                return None;
            }
        };
        let Some(body) = seal(core, member, &key, content) else {
            return Some(Outcome::Refused);
        };
        let size = body.len();
        if size > limits::PACKET || (is_websocket(&url) && size > limits::FRAME) {
            return Some(Outcome::Refused);
        }
        let target = Target {
            url: &url,
            addresses: &addresses,
            agent: member.index,
            tls: &member.tls,
        };
        let exchange = channel.exchange(net, target, verb, body, &note_acceptance);
        let answer = match is_websocket(&url) {
            // A websocket waits as long as the server sends pings.
            true => exchange.await,
            false => timeout(longest, exchange)
                .await
                .unwrap_or_else(|_| Err(anyhow::anyhow!("no answer within {longest:?}"))),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(agent = member.name(), endpoint, %error, "server not reached");
                add(&core.counters.errors, 1);
                continue;
            }
        };
        match answer.status {
            200 => return Some(Outcome::Delivered(open(core, member, &key, &answer))),
            406 => return Some(Outcome::NotEnrolled),
            status => {
                tracing::debug!(
                    agent = member.name(),
                    endpoint,
                    status,
                    "the server refused a packet"
                );
                add(&core.counters.errors, 1);
            }
        }
        match answer.status {
            400 | 413 => return Some(Outcome::Refused),
            301 => {
                redirect(net, member, &answer);
                return None;
            }
            408 | 503 => sleep(Duration::from_secs(1)).await,
            403 => {
                // Most likely the server has a new key.
                server.forget_key(&key).await;
                return None;
            }
            _ => return None,
        }
    }
    None
}

/// Follows redirects only to configured servers.
fn redirect(net: &Net, member: &Member, answer: &Answer) {
    let Some(location) = answer.location.as_deref() else {
        return;
    };
    let urls = &net.config.server_urls;
    if let Some(index) = urls.iter().position(|url| url == location) {
        member.server.store(index, Ordering::Relaxed);
    }
}

fn seal(core: &Core, member: &Member, key: &PublicKey, content: &Content) -> Option<Vec<u8>> {
    let nonce = &core.net.config.nonce;
    let packed = if content.is_compressed {
        pack::compressed(content.blobs.clone(), nonce)
    } else {
        pack::plain(content.blobs.concat(), nonce)
    };
    let sealed = member
        .encoder
        .session(ids::SERVER, key)
        .and_then(|session| session.seal(&packed));
    sealed
        .map_err(|error| tracing::error!(%error, "a packet could not be encrypted and is lost"))
        .ok()
}

/// The messages in an answer; none unless it proves to be from the server.
fn open(core: &Core, member: &Member, key: &PublicKey, answer: &Answer) -> Vec<VeloMessage> {
    let config = &core.net.config;
    let orgs = |nonce: &str| (nonce == config.nonce).then(String::new);
    let key_of = |name: &str| (name == config.pinned_server_name).then(|| key.clone());
    match member.decoder.decode(&answer.body, &orgs, key_of) {
        Ok(Some(packet)) if packet.is_authenticated() => {
            packet.messages().filter_map(|message| message.ok()).collect()
        }
        Ok(None) => Vec::new(),
        Ok(Some(_)) => {
            tracing::warn!("an answer that is not signed by the server was ignored");
            Vec::new()
        }
        Err(error) => {
            tracing::warn!(%error, "the server's answer could not be read");
            Vec::new()
        }
    }
}
