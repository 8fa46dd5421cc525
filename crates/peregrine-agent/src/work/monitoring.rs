//! The event table: queries that run as long as the agent does, and whose rows are sent to the server as they
//! come.

use crate::random::random_below;
use crate::state::outbox::{Damage, Outbox};
use crate::state::writeback::WritebackStore;
use crate::work::left_behind::{self, Worker};
use crate::work::log_stream::LogStream;
use crate::work::row_batch::{BatchLimits, Destination, RowBatches};
use crate::work::runner::{self, Columns, QueryEnvironment, QueryRunner, QuerySink, Stopped, request_name};
use parking_lot::Mutex;
use peregrine_engine::Cancellation;
use peregrine_engine::log::{Level, LogSink};
use peregrine_proto::{VeloMessage, VqlCollectorArgs, VqlEventTable};
use peregrine_wire::ids;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A query that ended early is restarted this long after its start.
const DEFAULT_REFRESH: u64 = 12 * 3600;
const DEFAULT_HEARTBEAT: u64 = 300;
const LOG_FLUSH_BYTES: usize = 1 << 20;
const LOG_FLUSH: Duration = Duration::from_secs(5);
/// How often batches are checked.
const TICK: Duration = Duration::from_millis(500);
/// How long the queries of an old table may take to end.
const LONGEST_END: Duration = left_behind::GRACE;

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
            .map(|request| Arc::new(self.query(request, &state.cancellation)))
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

    fn query(&self, request: &VqlCollectorArgs, cancellation: &Cancellation) -> EventQuery {
        let seconds = if request.heartbeat == 0 {
            DEFAULT_HEARTBEAT
        } else {
            request.heartbeat
        };
        EventQuery {
            rows: RowBatches::new(
                request,
                BatchLimits::of(request, self.default_wait, self.outbox.largest()),
            ),
            request: request.clone(),
            outbox: Arc::clone(&self.outbox),
            cancellation: cancellation.clone(),
            heartbeat: Duration::from_secs(seconds),
            log: Mutex::new(LogStream::new(u64::MAX)),
            thread: AtomicI32::new(0),
            is_abandoned: AtomicBool::new(false),
        }
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
            query.rows.tend(query.as_ref());
            if query.rows.is_silent(query.heartbeat) {
                query.log(
                    Level::Info,
                    &format!("{}: Waiting for rows.", request_name(&query.request)),
                );
            }
            if is_log_due {
                query.flush_log();
            }
        }
        if is_log_due {
            last_log = Instant::now();
        }
    }
}

/// One event query, which is restarted whenever it ends.
struct EventQuery {
    request: VqlCollectorArgs,
    outbox: Arc<Outbox>,
    cancellation: Cancellation,
    rows: RowBatches,
    heartbeat: Duration,
    log: Mutex<LogStream>,
    /// The thread that runs it.
    thread: AtomicI32,
    /// True when nobody waits for it any more.
    is_abandoned: AtomicBool,
}

impl EventQuery {
    /// Abandons a query that hangs, because its table is replaced.
    fn leave_behind(&self) {
        let place = left_behind::place(self.thread.load(Ordering::Relaxed));
        let text = format!(
            "{}: the query did not end within {} seconds after its table was replaced, and was left behind; it hangs in {place}",
            request_name(&self.request),
            LONGEST_END.as_secs()
        );
        tracing::warn!(text, "an event query is left behind");
        self.rows.close();
        LogSink::log(self, Level::Error, &text);
        self.flush_log();
        self.is_abandoned.store(true, Ordering::Relaxed);
    }

    fn run(self: &Arc<Self>, runner: &dyn QueryRunner) {
        self.thread.store(left_behind::thread_id(), Ordering::Relaxed);
        while !self.cancellation.is_cancelled() {
            let started = Instant::now();
            self.run_once(runner);
            self.rows.flush(true, self.as_ref());
            let pause = self.refresh().saturating_sub(started.elapsed());
            // Otherwise nobody would notice that it has stopped watching.
            if !self.cancellation.is_cancelled() {
                let text = format!(
                    "{}: the query has ended by itself and starts again in {} minutes.",
                    request_name(&self.request),
                    pause.as_secs().div_ceil(60)
                );
                LogSink::log(self.as_ref(), Level::Warn, &text);
            }
            self.flush_log();
            if self.cancellation.wait(pause) {
                return;
            }
        }
    }

    /// The time between two starts, ± 10 % so that a fleet does not start all at once.
    fn refresh(&self) -> Duration {
        let seconds = if self.request.timeout == 0 {
            DEFAULT_REFRESH
        } else {
            self.request.timeout
        };
        let percent = 90 + random_below(21);
        Duration::from_millis(seconds.saturating_mul(10).saturating_mul(percent))
    }

    fn run_once(self: &Arc<Self>, runner: &dyn QueryRunner) {
        let environment = QueryEnvironment {
            session_id: ids::MONITORING.to_owned(),
            cancellation: self.cancellation.child(),
            log: Arc::clone(self) as Arc<dyn LogSink>,
            // Servers store uploads with a collection, and there is none here.
            uploader: None,
            identity: None,
        };
        let mut sink = Sink(self);
        if let Err(failure) = runner::run_guarded(runner, &self.request, &environment, &mut sink) {
            LogSink::log(self.as_ref(), Level::Error, &failure.message);
        }
        // Anything the query left running ends with it.
        environment.cancellation.cancel();
    }

    fn flush_log(&self) {
        let packet = self.log.lock().take(ids::MONITORING, request_name(&self.request));
        if let Some(packet) = packet {
            self.send(packet);
        }
    }
}

impl Destination for EventQuery {
    fn session_id(&self) -> &str {
        ids::MONITORING
    }

    fn compresses(&self) -> bool {
        false
    }

    fn send(&self, packet: VeloMessage) {
        if let Err(error) = self.outbox.send(packet, &|| self.cancellation.is_cancelled()) {
            // The query's log reports it as soon as that can be sent.
            tracing::error!(%error, "event rows could not be buffered and are lost");
        }
    }
}

impl LogSink for EventQuery {
    fn log(&self, level: Level, text: &str) {
        if self.is_abandoned.load(Ordering::Relaxed) {
            return;
        }
        if level == Level::Alert {
            let name = request_name(&self.request);
            let packets = self.log.lock().take_alert(ids::MONITORING, name, text);
            for packet in packets {
                self.send(packet);
            }
            return;
        }
        let is_long = {
            let mut log = self.log.lock();
            log.add(level.name(), text);
            log.waiting_bytes() > LOG_FLUSH_BYTES
        };
        if is_long {
            self.flush_log();
        }
    }
}

struct Sink<'a>(&'a Arc<EventQuery>);

impl QuerySink for Sink<'_> {
    fn row(&mut self, statement: usize, json: &[u8], columns: &Columns<'_>) -> Result<(), Stopped> {
        let query = self.0;
        if query.is_abandoned.load(Ordering::Relaxed) {
            return Err(Stopped);
        }
        if query.rows.wants(statement)
            && let Some(note) = query.rows.push(statement, json, columns, query.as_ref())
        {
            LogSink::log(query.as_ref(), Level::Error, &note);
        }
        Ok(())
    }
}
