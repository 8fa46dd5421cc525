//! One source of process events for everybody: the kernel is asked once, however many queries listen.

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use parking_lot::Mutex;
use peregrine_os::{Choice, ProcessEvent, SourceKind, SourceOptions, SourceStats, linux};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Batches a listener may fall behind before it loses some. A batch is up to some thousand events.
const QUEUE: usize = 1024;
/// How long the source may sleep; bounds how long the end of the last listener goes unnoticed.
const WAIT: Duration = Duration::from_millis(500);

type Batch = Arc<Vec<ProcessEvent>>;

/// The ring between kernel and agent: 1 MiB, which counts twice in resident memory, is room for some 2,800 lives of
/// processes, more than a second of the fastest storm a small machine can make.
fn options() -> SourceOptions {
    SourceOptions {
        ring_bytes: 1 << 20,
        ..SourceOptions::default()
    }
}

/// The running source, shared by its listeners.
struct Hub {
    choice: Choice,
    listeners: Mutex<Vec<Listener>>,
    stats: Mutex<SourceStats>,
}

struct Listener {
    sender: Sender<Batch>,
    /// Events that did not fit into the queue.
    lost: Arc<AtomicU64>,
}

/// A listener's end. The source stops when the last one is dropped.
pub(crate) struct Subscription {
    hub: Arc<Hub>,
    receiver: Receiver<Batch>,
    lost: Arc<AtomicU64>,
}

static CURRENT: Mutex<Weak<Hub>> = Mutex::new(Weak::new());

/// Listens to process events. `preferred` counts only for the first listener; the others share what runs.
pub(crate) fn subscribe(preferred: Option<SourceKind>) -> Result<Subscription, String> {
    let mut current = CURRENT.lock();
    let hub = match current.upgrade() {
        Some(hub) => hub,
        None => {
            let hub = start(preferred)?;
            *current = Arc::downgrade(&hub);
            hub
        }
    };
    let (sender, receiver) = bounded(QUEUE);
    let lost = Arc::new(AtomicU64::new(0));
    hub.listeners.lock().push(Listener {
        sender,
        lost: Arc::clone(&lost),
    });
    Ok(Subscription { hub, receiver, lost })
}

/// The source that runs now, if one does: what was chosen and why, and its counters.
pub(crate) fn current() -> Option<(Choice, SourceStats)> {
    let hub = CURRENT.lock().upgrade()?;
    let stats = hub.stats.lock().clone();
    Some((hub.choice.clone(), stats))
}

fn start(preferred: Option<SourceKind>) -> Result<Arc<Hub>, String> {
    let (mut source, choice) =
        linux::events::open_best(preferred, &options()).map_err(|error| error.to_string())?;
    for (kind, reason) in &choice.tried {
        tracing::info!(source = %kind, reason, "process event source does not work here");
    }
    tracing::info!(source = %choice.kind, detail = source.stats().detail, "process event source chosen");
    let hub = Arc::new(Hub {
        choice,
        listeners: Mutex::default(),
        stats: Mutex::new(source.stats()),
    });
    let weak = Arc::downgrade(&hub);
    let pump = move || {
        let mut events = Vec::new();
        while let Some(hub) = weak.upgrade() {
            // Not held while waiting, so that dropping the last subscription ends the source.
            drop(hub);
            if let Err(error) = source.next_batch(WAIT, &mut events) {
                tracing::error!(%error, "process events can not be read any more");
                return;
            }
            let Some(hub) = weak.upgrade() else { return };
            if events.is_empty() {
                continue;
            }
            *hub.stats.lock() = source.stats();
            hub.hand_out(Arc::new(std::mem::take(&mut events)));
        }
    };
    std::thread::Builder::new()
        .name("process-events".to_owned())
        .spawn(pump)
        .map_err(|error| format!("no thread for process events: {error}"))?;
    Ok(hub)
}

impl Hub {
    fn hand_out(&self, batch: Batch) {
        self.listeners
            .lock()
            .retain(|listener| match listener.sender.try_send(Arc::clone(&batch)) {
                Ok(()) => true,
                Err(TrySendError::Full(batch)) => {
                    listener.lost.fetch_add(batch.len() as u64, Ordering::Relaxed);
                    true
                }
                Err(TrySendError::Disconnected(_)) => false,
            });
    }
}

impl Subscription {
    /// The next batch; `None` when there was none within the time. The error is that the source has ended.
    pub(crate) fn next(&self, timeout: Duration) -> Result<Option<Batch>, String> {
        match self.receiver.recv_timeout(timeout) {
            Ok(batch) => Ok(Some(batch)),
            Err(crossbeam_channel::RecvTimeoutError::Timeout) => Ok(None),
            Err(crossbeam_channel::RecvTimeoutError::Disconnected) => {
                Err("the process event source has ended".to_owned())
            }
        }
    }

    /// Events this listener has lost by being slow since the last call.
    pub(crate) fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    /// Which source it is.
    pub(crate) fn kind(&self) -> SourceKind {
        self.hub.choice.kind
    }
}
