//! The event table: queries that run as long as the agent does, and whose rows are sent to the server as they
//! come.

use crate::state::outbox::{Damage, Outbox};
use crate::state::writeback::WritebackStore;
use crate::work::event_query::{EventQuery, LOG_FLUSH, LONGEST_END};
use crate::work::left_behind::Worker;
use crate::work::runner::QueryRunner;
use parking_lot::Mutex;
use peregrine_engine::Cancellation;
use peregrine_engine::log::{Level, LogSink as _};
use peregrine_proto::VqlEventTable;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often batches are checked.
const TICK: Duration = Duration::from_millis(500);

/// Runs the event table.
pub(crate) struct Monitoring {
    outbox: Arc<Outbox>,
    runner: Arc<dyn QueryRunner>,
    writeback: Arc<WritebackStore>,
    parent: Cancellation,
    default_wait: Duration,
    version: AtomicU64,
    state: Mutex<Running>,
    /// The damage to the buffer that has already been logged.
    damage_told: Arc<Mutex<Option<Damage>>>,
}

struct Running {
    table: VqlEventTable,
    cancellation: Cancellation,
    threads: Vec<EventThread>,
}

/// A thread, and the query it runs.
struct EventThread {
    thread: JoinHandle<()>,
    worker: Worker,
    query: Option<Arc<EventQuery>>,
}

impl Monitoring {
    /// Starts the table of the last run, if there is one.
    pub(crate) fn start(
        outbox: Arc<Outbox>,
        runner: Arc<dyn QueryRunner>,
        writeback: Arc<WritebackStore>,
        parent: &Cancellation,
        default_wait: Duration,
    ) -> Monitoring {
        let table = writeback.event_table().unwrap_or_default();
        if !table.event.is_empty() {
            tracing::info!(
                queries = table.event.len(),
                version = table.version,
                "monitoring resumes from the last run"
            );
        }
        let running = Running {
            table: VqlEventTable::default(),
            cancellation: parent.child(),
            threads: Vec::new(),
        };
        let monitoring = Monitoring {
            outbox,
            runner,
            writeback,
            parent: parent.clone(),
            default_wait,
            version: AtomicU64::new(table.version),
            state: Mutex::new(running),
            damage_told: Arc::default(),
        };
        monitoring.replace(&mut monitoring.state.lock(), table);
        monitoring
    }

    /// The version of the current table.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    /// Replaces the table by a newer one, and waits for the old queries to end. Unchanged queries keep
    /// running.
    pub(crate) fn update(&self, table: VqlEventTable) {
        let mut state = self.state.lock();
        if table.version <= state.table.version {
            return;
        }
        if let Err(error) = self.writeback.set_event_table(&table) {
            tracing::warn!(%error, "the event table could not be kept for the next start");
        }
        let version = table.version;
        if is_same_work(&table, &state.table) {
            state.table.version = version;
        } else {
            tracing::info!(queries = table.event.len(), version, "event table replaced");
            self.replace(&mut state, table);
        }
        self.version.store(version, Ordering::Relaxed);
    }

    /// Ends all queries and waits up to `longest` for them.
    pub(crate) fn stop(&self, longest: Duration) {
        self.parent.cancel();
        // If it is locked, a table is being replaced, and that ends too.
        if let Some(mut state) = self.state.try_lock_for(longest) {
            join(&mut state.threads, longest);
        }
    }

    fn replace(&self, state: &mut Running, table: VqlEventTable) {
        state.cancellation.cancel();
        for query in join(&mut state.threads, LONGEST_END) {
            query.leave_behind();
        }
        state.cancellation = self.parent.child();
        let queries: Vec<Arc<EventQuery>> = table
            .event
            .iter()
            .map(|request| {
                let queue = Arc::clone(&self.outbox) as _;
                let cancellation = state.cancellation.clone();
                Arc::new(EventQuery::new(
                    request.clone(),
                    queue,
                    cancellation,
                    self.default_wait,
                ))
            })
            .collect();
        state.table = table;
        if queries.is_empty() {
            return;
        }
        for query in &queries {
            let (query, runner) = (Arc::clone(query), Arc::clone(&self.runner));
            let running = Some(Arc::clone(&query));
            spawn(&mut state.threads, "monitoring", running, move || {
                query.run(runner.as_ref());
            });
        }
        let (cancellation, outbox) = (state.cancellation.clone(), Arc::clone(&self.outbox));
        let told = Arc::clone(&self.damage_told);
        spawn(&mut state.threads, "flush", None, move || {
            tend(&queries, &outbox, &told, &cancellation)
        });
    }
}

/// True when two tables ask for the same work, ignoring limits and versions, which servers vary.
fn is_same_work(one: &VqlEventTable, other: &VqlEventTable) -> bool {
    one.event.len() == other.event.len()
        && one.event.iter().zip(&other.event).all(|(a, b)| {
            a.query == b.query
                && a.env == b.env
                && a.precondition == b.precondition
                && a.artifacts == b.artifacts
        })
}

fn spawn(
    threads: &mut Vec<EventThread>,
    name: &str,
    query: Option<Arc<EventQuery>>,
    work: impl FnOnce() + Send + 'static,
) {
    let spawned = Worker::spawn(name, move |until_end| {
        work();
        drop(until_end);
    });
    match spawned {
        Ok((thread, worker)) => threads.push(EventThread {
            thread,
            worker,
            query,
        }),
        Err(error) => tracing::error!(%error, "no thread could be started for an event query"),
    }
}

/// Waits for threads that were told to end. Those that do not end are abandoned; returns their queries.
fn join(threads: &mut Vec<EventThread>, longest: Duration) -> Vec<Arc<EventQuery>> {
    let deadline = Instant::now() + longest;
    while threads.iter().any(|thread| !thread.thread.is_finished()) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    let left = threads.drain(..).filter(|thread| thread.worker.abandon());
    left.filter_map(|thread| thread.query).collect()
}

/// Sends waiting rows until the table is replaced.
fn tend(
    queries: &[Arc<EventQuery>],
    outbox: &Outbox,
    damage_told: &Mutex<Option<Damage>>,
    cancellation: &Cancellation,
) {
    let mut last_log = Instant::now();
    while !cancellation.wait(TICK) {
        // Event rows have no numbers that would reveal a gap, so the log of each query has to report it.
        let damage = outbox.damage();
        if std::mem::replace(&mut *damage_told.lock(), damage) < damage
            && let Some(damage) = damage
        {
            for query in queries {
                query.log(
                    Level::Error,
                    &format!("{damage}; rows of this query may have been among them"),
                );
                query.flush_log();
            }
        }
        let is_log_due = last_log.elapsed() >= LOG_FLUSH;
        for query in queries {
            query.tend();
            if is_log_due {
                query.flush_log();
            }
        }
        if is_log_due {
            last_log = Instant::now();
        }
    }
}
