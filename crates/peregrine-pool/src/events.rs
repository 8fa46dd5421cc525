//! Event tables: each query runs once, however many agents have it in their tables, and each of them sends
//! every row.

use crate::core::Core;
use crate::machine::NamedRunner;
use crate::member::Member;
use crate::queue::EventPacket;
use parking_lot::Mutex;
use peregrine_agent::parts::{EventQuery, LOG_FLUSH, MessageQueue, SendError, fit_message, largest_message};
use peregrine_engine::Cancellation;
use peregrine_proto::{Message as _, VeloMessage, VqlCollectorArgs, VqlEventTable};
use peregrine_wire::{pack, sha256};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How often batches are checked.
const TICK: Duration = Duration::from_millis(500);
/// Evaluation nests with the query; the engine limits the depth to this stack.
const QUERY_STACK: usize = 8 << 20;
/// Packets of a query that wait to be distributed; then the query waits, too.
const UNDISTRIBUTED: usize = 4;
/// While packets are spread over time, agents get theirs at this interval.
const SLICE: Duration = Duration::from_millis(20);

/// What identifies the work of a query.
type Fingerprint = [u8; 32];
type Subscribers = Mutex<BTreeMap<usize, Arc<Member>>>;

/// The event queries of all agents.
pub(crate) struct Events {
    watches: Mutex<HashMap<Fingerprint, Watch>>,
    /// Ends all event queries.
    stop: Cancellation,
}

/// A query, and the agents that have it in their tables.
struct Watch {
    subscribers: Arc<Subscribers>,
    cancellation: Cancellation,
}

impl Events {
    pub(crate) fn new(stop: Cancellation) -> Events {
        Events {
            watches: Mutex::default(),
            stop,
        }
    }
}

/// Replaces the table of an agent by a newer one.
pub(crate) fn replace_table(core: &Arc<Core>, member: &Arc<Member>, table: VqlEventTable) {
    if table.version <= member.table_version.load(Ordering::Relaxed) {
        return;
    }
    let wanted: HashMap<Fingerprint, VqlCollectorArgs> = table
        .event
        .into_iter()
        .map(|request| (fingerprint(&request), request))
        .collect();
    let mut watches = core.events.watches.lock();
    watches.retain(|known, watch| {
        let mut subscribers = watch.subscribers.lock();
        if !wanted.contains_key(known) {
            subscribers.remove(&member.index);
        }
        let is_wanted = !subscribers.is_empty();
        if !is_wanted {
            watch.cancellation.cancel();
        }
        is_wanted
    });
    for (known, request) in wanted {
        let watch = watches.entry(known).or_insert_with(|| start(core, request));
        watch.subscribers.lock().insert(member.index, Arc::clone(member));
    }
    member.table_version.store(table.version, Ordering::Relaxed);
}

/// Limits and waits differ between agents with the same table, because servers vary them.
fn fingerprint(request: &VqlCollectorArgs) -> Fingerprint {
    let work = VqlCollectorArgs {
        query: request.query.clone(),
        env: request.env.clone(),
        precondition: request.precondition.clone(),
        artifacts: request.artifacts.clone(),
        ..VqlCollectorArgs::default()
    };
    sha256(&work.encode_to_vec())
}

fn start(core: &Arc<Core>, request: VqlCollectorArgs) -> Watch {
    let cancellation = core.events.stop.child();
    let subscribers: Arc<Subscribers> = Arc::default();
    let wait = match request.max_wait {
        0 => core.default_wait(),
        seconds => Duration::from_secs(seconds),
    };
    let (sender, packets) = mpsc::channel(UNDISTRIBUTED);
    core.runtime.spawn(distribute(
        Arc::clone(core),
        Arc::clone(&subscribers),
        packets,
        wait,
    ));
    let queue = Arc::new(Distributor {
        sender,
        largest: largest_message(core.net.config.max_upload_size),
    });
    let query = Arc::new(EventQuery::new(
        request,
        queue,
        cancellation.clone(),
        core.default_wait(),
    ));
    let runner = NamedRunner {
        engine: Arc::clone(&core.engine),
        machine: Arc::clone(&core.machine),
        hostname: "pool".to_owned(),
    };
    let (running, token) = (Arc::clone(&query), cancellation.clone());
    spawn("monitoring", move || running.run(&runner));
    spawn("flush", move || tend(&query, &token));
    Watch {
        subscribers,
        cancellation,
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new()
        .name(name.to_owned())
        .stack_size(QUERY_STACK);
    if let Err(error) = thread.spawn(work) {
        tracing::error!(%error, "no thread could be started for an event query");
    }
}

/// Sends waiting rows and log lines until the query is no longer wanted.
fn tend(query: &EventQuery, cancellation: &Cancellation) {
    let mut last_log = Instant::now();
    while !cancellation.wait(TICK) {
        query.tend();
        if last_log.elapsed() >= LOG_FLUSH {
            query.flush_log();
            last_log = Instant::now();
        }
    }
}

/// Takes the messages of a query.
struct Distributor {
    sender: mpsc::Sender<Arc<EventPacket>>,
    largest: usize,
}

impl MessageQueue for Distributor {
    fn largest(&self) -> usize {
        self.largest
    }

    fn send(&self, message: VeloMessage, _: &dyn Fn() -> bool) -> Result<bool, SendError> {
        let message = fit_message(message, self.largest).map_err(SendError::TooLarge)?;
        let rows = message.vql_response.as_ref().map_or(0, |rows| rows.total_rows);
        let mut batch = Vec::new();
        pack::append(&mut batch, &message);
        // Distribution does not depend on the server, so this wait ends.
        let sent = self.sender.blocking_send(Arc::new(EventPacket::new(batch, rows)));
        Ok(sent.is_ok())
    }

    fn send_last(&self, message: VeloMessage) -> bool {
        self.send(message, &|| false).unwrap_or(false)
    }
}

/// Gives each packet to all agents: not at once, because agents of different machines would not be in step,
/// but spread over the time since the last packet, at most over the time that rows wait.
async fn distribute(
    core: Arc<Core>,
    subscribers: Arc<Subscribers>,
    mut packets: mpsc::Receiver<Arc<EventPacket>>,
    wait: Duration,
) {
    let mut last = Instant::now();
    while let Some(packet) = packets.recv().await {
        let members: Vec<Arc<Member>> = subscribers.lock().values().cloned().collect();
        let is_late = !packets.is_empty();
        let window = if is_late {
            Duration::ZERO
        } else {
            last.elapsed().min(wait)
        };
        last = Instant::now();
        for slice in members.chunks(slice_length(members.len(), window)) {
            for member in slice {
                member.queue.push_event(&packet, &core.budget, &core.counters);
                member.wake(&core);
            }
            if !window.is_zero() {
                tokio::time::sleep(SLICE).await;
            }
        }
    }
}

/// Agents that get a packet at the same time, when all get it within this window.
fn slice_length(agents: usize, window: Duration) -> usize {
    let slices = usize::try_from(window.as_millis() / SLICE.as_millis()).unwrap_or(usize::MAX);
    agents.div_ceil(slices.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_spread_over_the_window() {
        assert_eq!(slice_length(20_000, Duration::from_secs(1)), 400);
        assert_eq!(slice_length(20_000, Duration::ZERO), 20_000);
        assert_eq!(slice_length(3, Duration::from_secs(100)), 1);
        assert_eq!(slice_length(0, Duration::ZERO), 1);
    }

    #[test]
    fn queries_that_differ_only_in_what_servers_vary_are_the_same() {
        let request = |max_wait, vql: &str| VqlCollectorArgs {
            max_wait,
            query: vec![peregrine_proto::VqlRequest {
                vql: vql.to_owned(),
                name: "A".to_owned(),
            }],
            ..VqlCollectorArgs::default()
        };
        assert_eq!(fingerprint(&request(1, "x")), fingerprint(&request(2, "x")));
        assert_ne!(fingerprint(&request(1, "x")), fingerprint(&request(1, "y")));
    }
}
