//! One event query: it runs as long as its table is in force, and its rows are sent as they come.

use crate::random::random_below;
use crate::state::message_queue::MessageQueue;
use crate::work::left_behind;
use crate::work::log_stream::LogStream;
use crate::work::row_batch::{BatchLimits, Destination, RowBatches};
use crate::work::runner::{self, Columns, QueryEnvironment, QueryRunner, QuerySink, Stopped, request_name};
use parking_lot::Mutex;
use peregrine_engine::Cancellation;
use peregrine_engine::log::{Level, LogSink};
use peregrine_proto::{VeloMessage, VqlCollectorArgs};
use peregrine_wire::ids;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

/// A query that ended early is restarted this long after its start.
const DEFAULT_REFRESH: u64 = 12 * 3600;
const DEFAULT_HEARTBEAT: u64 = 300;
const LOG_FLUSH_BYTES: usize = 1 << 20;
/// How often waiting lines of the log are sent.
pub const LOG_FLUSH: Duration = Duration::from_secs(5);
/// How long the queries of an old table may take to end.
pub(crate) const LONGEST_END: Duration = left_behind::GRACE;

/// An event query, which is restarted whenever it ends.
pub struct EventQuery {
    request: VqlCollectorArgs,
    queue: Arc<dyn MessageQueue>,
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
    /// A query that ends with `cancellation`; its rows wait `default_wait` for others unless it says otherwise.
    pub fn new(
        request: VqlCollectorArgs,
        queue: Arc<dyn MessageQueue>,
        cancellation: Cancellation,
        default_wait: Duration,
    ) -> EventQuery {
        let seconds = if request.heartbeat == 0 {
            DEFAULT_HEARTBEAT
        } else {
            request.heartbeat
        };
        let limits = BatchLimits::of(&request, default_wait, queue.largest());
        EventQuery {
            rows: RowBatches::new(&request, limits),
            request,
            queue,
            cancellation,
            heartbeat: Duration::from_secs(seconds),
            log: Mutex::new(LogStream::new(u64::MAX)),
            thread: AtomicI32::new(0),
            is_abandoned: AtomicBool::new(false),
        }
    }

    /// Sends rows that have waited long enough, and says when there are none. To be called regularly.
    pub fn tend(&self) {
        self.rows.tend(self);
        if self.rows.is_silent(self.heartbeat) {
            let text = format!("{}: Waiting for rows.", request_name(&self.request));
            LogSink::log(self, Level::Info, &text);
        }
    }

    /// Abandons a query that hangs, because its table is replaced.
    pub(crate) fn leave_behind(&self) {
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

    /// Runs it on this thread until it is cancelled.
    pub fn run(self: &Arc<Self>, runner: &dyn QueryRunner) {
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

    /// Sends the waiting lines of its log.
    pub fn flush_log(&self) {
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
        if let Err(error) = self.queue.send(packet, &|| self.cancellation.is_cancelled()) {
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
