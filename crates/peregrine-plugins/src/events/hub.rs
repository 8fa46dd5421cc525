//! One source of process events for all queries of a host: the kernel is asked once, regardless of the number
//! of listeners.

use super::turns::{self, Turns};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use parking_lot::Mutex;
use peregrine_engine::Scope;
use peregrine_os::{Choice, ProcessEvent, SourceKind, SourceOptions, SourceStats, linux};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Number of batches a listener may fall behind before it loses some. A batch has up to some thousand events.
const QUEUE: usize = 1024;
/// How long the source may sleep; bounds how long it takes to notice that the last listener is gone.
const WAIT: Duration = Duration::from_millis(500);

type Batch = Arc<Vec<ProcessEvent>>;
/// A batch with its number, counted from 1.
type Numbered = (u64, Batch);

/// The ring buffer between kernel and agent: 1 MiB, which counts twice as resident memory, has room for the
/// events of some 2,800 processes, more than a second of the fastest storm a small machine can make.
fn options() -> SourceOptions {
    SourceOptions {
        ring_bytes: 1 << 20,
        ..SourceOptions::default()
    }
}

/// The running source, shared by its listeners.
struct Hub {
    choice: Choice,
    listeners: Mutex<Listeners>,
    stats: Mutex<SourceStats>,
    turns: Turns,
}

#[derive(Default)]
struct Listeners {
    all: Vec<Listener>,
    /// Number of the last batch that was handed out.
    last: u64,
}

struct Listener {
    sender: Sender<Numbered>,
    /// Number of events that did not fit into the queue.
    lost: Arc<AtomicU64>,
}

/// A listener's end. The source stops when the last one is dropped.
pub(crate) struct Subscription {
    hub: Arc<Hub>,
    receiver: Receiver<Numbered>,
    lost: Arc<AtomicU64>,
    /// Set for listeners that feed the process tracker.
    seat: Option<u64>,
    /// The last batch that `next` returned.
    given: u64,
    /// A batch the process tracker has not seen yet, and since when it has been waiting.
    held: Option<(Numbered, Instant)>,
}

/// The source of a host, as long as somebody listens.
#[derive(Default)]
struct Current(Mutex<Weak<Hub>>);

/// Listens to process events. `preferred` counts only for the first listener; the others share what runs.
pub(crate) fn subscribe(scope: &Scope, preferred: Option<SourceKind>) -> Result<Subscription, String> {
    let current = scope.host_state::<Current>();
    let mut current = current.0.lock();
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
    let given = {
        let mut listeners = hub.listeners.lock();
        listeners.all.push(Listener {
            sender,
            lost: Arc::clone(&lost),
        });
        listeners.last
    };
    let seat = turns::is_feeding(scope).then(|| hub.turns.enter(given));
    Ok(Subscription {
        hub,
        receiver,
        lost,
        seat,
        given,
        held: None,
    })
}

/// The running source, if there is one: what was chosen and why, and its counters.
pub(crate) fn current(scope: &Scope) -> Option<(Choice, SourceStats)> {
    let hub = scope.host_state::<Current>().0.lock().upgrade()?;
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
        turns: Turns::default(),
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
        let mut listeners = self.listeners.lock();
        listeners.last += 1;
        let number = listeners.last;
        listeners.all.retain(
            |listener| match listener.sender.try_send((number, Arc::clone(&batch))) {
                Ok(()) => true,
                Err(TrySendError::Full((_, batch))) => {
                    listener.lost.fetch_add(batch.len() as u64, Ordering::Relaxed);
                    true
                }
                Err(TrySendError::Disconnected(_)) => false,
            },
        );
    }
}

impl Subscription {
    /// The next batch; `None` if none came within the time. An error means that the source has ended.
    ///
    /// Asking for a batch says that the previous one has been processed. A batch that the process tracker has
    /// yet to see is held back.
    pub(crate) fn next(&mut self, timeout: Duration) -> Result<Option<Batch>, String> {
        if let Some(seat) = self.seat {
            self.hub.turns.pass(seat, self.given);
        }
        let ((number, batch), since) = match self.held.take() {
            Some(held) => held,
            None => match self.receiver.recv_timeout(timeout) {
                Ok(batch) => (batch, Instant::now()),
                Err(crossbeam_channel::RecvTimeoutError::Timeout) => return Ok(None),
                Err(crossbeam_channel::RecvTimeoutError::Disconnected) => {
                    return Err("the process event source has ended".to_owned());
                }
            },
        };
        if self.seat.is_none() && !self.hub.turns.wait(number, timeout) {
            if since.elapsed() < turns::PATIENCE {
                self.held = Some(((number, batch), since));
                return Ok(None);
            }
            self.hub.turns.give_up(number);
            tracing::warn!("the process tracker does not keep up with events; queries go on without it");
        }
        self.given = number;
        Ok(Some(batch))
    }

    /// The number of events this listener has lost by being slow since the last call.
    pub(crate) fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    /// The kind of source.
    pub(crate) fn kind(&self) -> SourceKind {
        self.hub.choice.kind
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(seat) = self.seat {
            self.hub.turns.leave(seat);
        }
    }
}
