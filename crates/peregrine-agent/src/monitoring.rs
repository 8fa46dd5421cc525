//! The event table: queries that run as long as the agent does, and whose rows go to the server as they come.

use crate::log_stream::LogStream;
use crate::outbox::Outbox;
use crate::row_batch::{BatchLimits, RowBatch};
use crate::runner::{QueryEnvironment, QueryRunner, QuerySink, Stopped};
use crate::writeback::WritebackStore;
use parking_lot::Mutex;
use peregrine_engine::{Cancellation, Level, LogSink};
use peregrine_proto::{VeloMessage, VqlCollectorArgs, VqlEventTable};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The session all monitoring traffic belongs to.
pub const SESSION: &str = "F.Monitoring";
/// A query that ended early starts afresh when this time has passed since it started.
const DEFAULT_REFRESH: u64 = 12 * 3600;
const DEFAULT_WAIT: u64 = 100;
const LOG_FLUSH: Duration = Duration::from_secs(5);
const MAX_LOGS: u64 = u64::MAX;
const TICK: Duration = Duration::from_millis(500);

/// Runs the event table.
pub struct Monitoring {
    outbox: Arc<Outbox>,
    runner: Arc<dyn QueryRunner>,
    writeback: Arc<WritebackStore>,
    parent: Cancellation,
    state: Mutex<Running>,
}

struct Running {
    table: VqlEventTable,
    cancellation: Cancellation,
    threads: Vec<JoinHandle<()>>,
}

impl Monitoring {
    /// Starts the table of the last run, if there is one.
    pub fn start(
        outbox: Arc<Outbox>,
        runner: Arc<dyn QueryRunner>,
        writeback: Arc<WritebackStore>,
        parent: &Cancellation,
    ) -> Monitoring {
        let table = writeback.event_table().unwrap_or_default();
        let running = Running { table: VqlEventTable::default(), cancellation: parent.child(), threads: Vec::new() };
        let monitoring = Monitoring { outbox, runner, writeback, parent: parent.clone(), state: Mutex::new(running) };
        if !table.event.is_empty() {
            tracing::info!(queries = table.event.len(), version = table.version, "monitoring resumes from the last run");
        }
        monitoring.replace(&mut monitoring.state.lock(), table);
        monitoring
    }

    /// The version of the table in force.
    pub fn version(&self) -> u64 {
        self.state.lock().table.version
    }

    /// Puts a newer table in force. Equal queries keep running.
    pub(crate) fn update(&self, table: VqlEventTable) {
        let mut state = self.state.lock();
        if table.version <= state.table.version {
            return;
        }
        if let Err(error) = self.writeback.set_event_table(&table) {
            tracing::warn!(%error, "the event table could not be kept for the next start");
        }
        if table.event == state.table.event {
            state.table.version = table.version;
            return;
        }
        tracing::info!(queries = table.event.len(), version = table.version, "event table replaced");
        self.replace(&mut state, table);
    }

    /// Ends all queries and waits for them.
    pub(crate) fn stop(&self) {
        let mut state = self.state.lock();
        self.replace(&mut state, VqlEventTable::default());
    }

    fn replace(&self, state: &mut Running, table: VqlEventTable) {
        state.cancellation.cancel();
        for thread in state.threads.drain(..) {
            // A panic inside was caught and logged by the query itself.
            let _ = thread.join();
        }
        state.cancellation = self.parent.child();
        for request in &table.event {
            let worker = Worker {
                request: request.clone(),
                outbox: Arc::clone(&self.outbox),
                runner: Arc::clone(&self.runner),
                cancellation: state.cancellation.clone(),
            };
            let builder = std::thread::Builder::new().name("monitoring".to_owned()).stack_size(8 << 20);
            match builder.spawn(move || worker.run()) {
                Ok(thread) => state.threads.push(thread),
                Err(error) => tracing::error!(%error, "no thread could be started for an event query"),
            }
        }
        state.table = table;
    }
}

/// One event query, started again and again.
struct Worker {
    request: VqlCollectorArgs,
    outbox: Arc<Outbox>,
    runner: Arc<dyn QueryRunner>,
    cancellation: Cancellation,
}

impl Worker {
    fn run(&self) {
        let seconds = if self.request.timeout == 0 { DEFAULT_REFRESH } else { self.request.timeout };
        let refresh = Duration::from_secs(seconds);
        while !self.cancellation.is_cancelled() {
            let started = Instant::now();
            self.run_once();
            let left = refresh.saturating_sub(started.elapsed());
            if self.cancellation.wait(left) {
                return;
            }
        }
    }

    fn run_once(&self) {
        let cancellation = self.cancellation.child();
        let wait = if self.request.max_wait == 0 { DEFAULT_WAIT } else { self.request.max_wait };
        let shared = Arc::new(Shared {
            outbox: Arc::clone(&self.outbox),
            cancellation: cancellation.clone(),
            limits: BatchLimits {
                rows: if self.request.max_row == 0 { 1000 } else { self.request.max_row },
                bytes: 5 << 20,
                wait: Duration::from_secs(wait),
            },
            name: self.request.query.iter().map(|query| query.name.clone()).find(|name| !name.is_empty()).unwrap_or_default(),
            batches: Mutex::new(self.request.query.iter().zip(0..).map(|(query, id)| RowBatch::new(query.clone(), id)).collect()),
            log: Mutex::new(LogStream::new(MAX_LOGS)),
        });
        let done = Cancellation::new();
        std::thread::scope(|threads| {
            let flusher = {
                let (shared, done) = (&shared, done.clone());
                std::thread::Builder::new().name("flush".to_owned()).stack_size(256 << 10).spawn_scoped(threads, move || shared.tend(&done))
            };
            if let Err(error) = &flusher {
                tracing::error!(%error, "event rows are flushed only when a batch is full");
            }
            let environment = QueryEnvironment {
                session_id: SESSION.to_owned(),
                cancellation,
                log: Arc::clone(&shared) as Arc<dyn LogSink>,
            };
            let mut sink = Sink(&shared);
            let outcome =
                std::panic::catch_unwind(AssertUnwindSafe(|| self.runner.run(&self.request, &environment, &mut sink)));
            match outcome {
                Ok(Ok(())) => {}
                Ok(Err(message)) => shared.log(Level::Error, &message),
                Err(_) => shared.log(Level::Error, "the query crashed; please report this"),
            }
            done.cancel();
        });
        shared.flush(true);
    }
}

struct Shared {
    outbox: Arc<Outbox>,
    cancellation: Cancellation,
    limits: BatchLimits,
    name: String,
    batches: Mutex<Vec<RowBatch>>,
    log: Mutex<LogStream>,
}

impl Shared {
    fn tend(&self, done: &Cancellation) {
        let mut last_log = Instant::now();
        while !done.wait(TICK) {
            self.flush_rows(false);
            if last_log.elapsed() >= LOG_FLUSH {
                self.flush_log();
                last_log = Instant::now();
            }
        }
    }

    fn flush(&self, all: bool) {
        self.flush_rows(all);
        self.flush_log();
    }

    fn flush_rows(&self, all: bool) {
        loop {
            let packet = {
                let mut batches = self.batches.lock();
                batches.iter_mut().filter(|batch| all || batch.is_due(&self.limits)).find_map(|batch| batch.take(SESSION, false))
            };
            let Some(packet) = packet else { return };
            self.send(packet);
        }
    }

    fn flush_log(&self) {
        let packet = self.log.lock().take(SESSION, &self.name);
        if let Some(packet) = packet {
            self.send(packet);
        }
    }

    fn send(&self, packet: VeloMessage) {
        if let Err(error) = self.outbox.send(packet, &|| self.cancellation.is_cancelled()) {
            tracing::error!(%error, "event rows could not be buffered and are lost");
        }
    }
}

impl LogSink for Shared {
    fn log(&self, level: Level, text: &str) {
        self.log.lock().add(level.name(), text);
    }
}

struct Sink<'a>(&'a Arc<Shared>);

impl QuerySink for Sink<'_> {
    fn row(&mut self, statement: usize, json: &[u8], columns: &dyn Fn() -> Vec<String>) -> Result<(), Stopped> {
        let is_due = {
            let mut batches = self.0.batches.lock();
            let Some(batch) = batches.get_mut(statement) else { return Ok(()) };
            if batch.name().is_empty() {
                return Ok(());
            }
            batch.add(json, columns);
            batch.is_due(&self.0.limits)
        };
        if is_due {
            self.0.flush_rows(false);
        }
        Ok(())
    }
}
