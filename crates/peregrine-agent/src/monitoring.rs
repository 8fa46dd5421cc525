//! The event table: queries that run as long as the agent does, and whose rows go to the server as they come.

use crate::log_stream::LogStream;
use crate::outbox::Outbox;
use crate::query_run::request_name;
use crate::row_batch::{BatchLimits, Destination, RowBatches};
use crate::runner::{self, Columns, QueryEnvironment, QueryRunner, QuerySink, Stopped};
use crate::writeback::WritebackStore;
use parking_lot::Mutex;
use peregrine_engine::Cancellation;
use peregrine_engine::log::{Level, LogSink};
use peregrine_proto::{VeloMessage, VqlCollectorArgs, VqlEventTable};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The session all monitoring traffic belongs to.
pub(crate) const SESSION: &str = peregrine_wire::ids::MONITORING;
/// A query that ended early starts afresh when this time has passed since it started.
const DEFAULT_REFRESH: u64 = 12 * 3600;
const DEFAULT_HEARTBEAT: u64 = 300;
const LOG_FLUSH: Duration = Duration::from_secs(5);
/// How often batches are looked at.
const TICK: Duration = Duration::from_millis(500);
/// How long the queries of an old table may take to end.
const LONGEST_END: Duration = Duration::from_secs(60);
const QUERY_STACK: usize = 8 << 20;

/// Runs the event table.
pub(crate) struct Monitoring {
    outbox: Arc<Outbox>,
    runner: Arc<dyn QueryRunner>,
    writeback: Arc<WritebackStore>,
    parent: Cancellation,
    default_wait: Duration,
    version: AtomicU64,
    state: Mutex<Running>,
}

struct Running {
    table: VqlEventTable,
    cancellation: Cancellation,
    threads: Vec<JoinHandle<()>>,
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
        };
        monitoring.replace(&mut monitoring.state.lock(), table);
        monitoring
    }

    /// The version of the table in force.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    /// Puts a newer table in force, and waits for the queries of the old one to end. Equal queries keep running.
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

    /// Ends all queries and waits for them this long.
    pub(crate) fn stop(&self, longest: Duration) {
        self.parent.cancel();
        // Locked: a table is just being replaced, and that ends too.
        if let Some(mut state) = self.state.try_lock_for(longest) {
            join(&mut state.threads, longest);
        }
    }

    fn replace(&self, state: &mut Running, table: VqlEventTable) {
        state.cancellation.cancel();
        join(&mut state.threads, LONGEST_END);
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
            spawn(&mut state.threads, "monitoring", move || {
                query.run(runner.as_ref())
            });
        }
        let cancellation = state.cancellation.clone();
        spawn(&mut state.threads, "flush", move || tend(&queries, &cancellation));
    }

    fn query(&self, request: &VqlCollectorArgs, cancellation: &Cancellation) -> EventQuery {
        let seconds = if request.heartbeat == 0 {
            DEFAULT_HEARTBEAT
        } else {
            request.heartbeat
        };
        EventQuery {
            rows: RowBatches::new(request, BatchLimits::of(request, self.default_wait)),
            request: request.clone(),
            outbox: Arc::clone(&self.outbox),
            cancellation: cancellation.clone(),
            heartbeat: Duration::from_secs(seconds),
            log: Mutex::new(LogStream::new(u64::MAX)),
        }
    }
}

/// True when two tables ask for the same, whatever their limits and versions: servers vary these.
fn is_same_work(one: &VqlEventTable, other: &VqlEventTable) -> bool {
    one.event.len() == other.event.len()
        && one.event.iter().zip(&other.event).all(|(a, b)| {
            a.query == b.query
                && a.env == b.env
                && a.precondition == b.precondition
                && a.artifacts == b.artifacts
        })
}

fn spawn(threads: &mut Vec<JoinHandle<()>>, name: &str, work: impl FnOnce() + Send + 'static) {
    match std::thread::Builder::new()
        .name(name.to_owned())
        .stack_size(QUERY_STACK)
        .spawn(work)
    {
        Ok(thread) => threads.push(thread),
        Err(error) => tracing::error!(%error, "no thread could be started for an event query"),
    }
}

/// Waits for threads that were told to end; those that do not are left to themselves.
fn join(threads: &mut Vec<JoinHandle<()>>, longest: Duration) {
    let deadline = Instant::now() + longest;
    while threads.iter().any(|thread| !thread.is_finished()) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    threads.retain(|thread| !thread.is_finished());
    if !threads.is_empty() {
        tracing::warn!(
            queries = threads.len(),
            "event queries do not end and are left behind"
        );
        threads.clear();
    }
}

/// Sends what waits, until the table is replaced.
fn tend(queries: &[Arc<EventQuery>], cancellation: &Cancellation) {
    let mut last_log = Instant::now();
    while !cancellation.wait(TICK) {
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

/// One event query, started again and again.
struct EventQuery {
    request: VqlCollectorArgs,
    outbox: Arc<Outbox>,
    cancellation: Cancellation,
    rows: RowBatches,
    heartbeat: Duration,
    log: Mutex<LogStream>,
}

impl EventQuery {
    fn run(self: &Arc<Self>, runner: &dyn QueryRunner) {
        while !self.cancellation.is_cancelled() {
            let started = Instant::now();
            self.run_once(runner);
            self.rows.flush(true, self.as_ref());
            self.flush_log();
            if self
                .cancellation
                .wait(self.refresh().saturating_sub(started.elapsed()))
            {
                return;
            }
        }
    }

    /// The time between two starts, ten percent up or down so that a fleet does not start all at once.
    fn refresh(&self) -> Duration {
        let seconds = if self.request.timeout == 0 {
            DEFAULT_REFRESH
        } else {
            self.request.timeout
        };
        let percent = 90 + crate::connector::random_below(21);
        Duration::from_millis(seconds.saturating_mul(10).saturating_mul(percent))
    }

    fn run_once(self: &Arc<Self>, runner: &dyn QueryRunner) {
        let environment = QueryEnvironment {
            session_id: SESSION.to_owned(),
            cancellation: self.cancellation.child(),
            log: Arc::clone(self) as Arc<dyn LogSink>,
            // Servers keep uploads with a collection, and here is none.
            uploader: None,
            identity: None,
        };
        let mut sink = Sink(self);
        if let Err(failure) = runner::run_guarded(runner, &self.request, &environment, &mut sink) {
            LogSink::log(self.as_ref(), Level::Error, &failure.message);
        }
        // Whatever the query left running on its own ends with it.
        environment.cancellation.cancel();
    }

    fn flush_log(&self) {
        let packet = self.log.lock().take(SESSION, request_name(&self.request));
        if let Some(packet) = packet {
            self.send(packet);
        }
    }
}

impl Destination for EventQuery {
    fn session_id(&self) -> &str {
        SESSION
    }

    fn compresses(&self) -> bool {
        false
    }

    fn send(&self, packet: VeloMessage) {
        if let Err(error) = self.outbox.send(packet, &|| self.cancellation.is_cancelled()) {
            tracing::error!(%error, "event rows could not be buffered and are lost");
        }
    }
}

impl LogSink for EventQuery {
    fn log(&self, level: Level, text: &str) {
        self.log.lock().add(level.name(), text);
    }
}

struct Sink<'a>(&'a Arc<EventQuery>);

impl QuerySink for Sink<'_> {
    fn row(&mut self, statement: usize, json: &[u8], columns: &Columns<'_>) -> Result<(), Stopped> {
        let query = self.0;
        if query.rows.wants(statement) && query.rows.add(statement, json, columns) {
            query.rows.flush(false, query.as_ref());
        }
        Ok(())
    }
}
