//! A collection while it runs: its queries in parallel, one log, one row limit, regular statistics.

use crate::state::checkpoint::Checkpoints;
use crate::state::outbox::{Outbox, SendError};
use crate::work::left_behind::Worker;
use crate::work::log_stream::LogStream;
use crate::work::query_run::QueryRun;
use crate::work::row_batch::Destination;
use crate::work::runner::QueryRunner;
use parking_lot::Mutex;
use peregrine_accessors::UploadLedger;
use peregrine_engine::Cancellation;
use peregrine_engine::log::Level;
use peregrine_proto::{FlowRequest, FlowStats, VeloMessage, flow_request::Compression};
use regex::Regex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const DEFAULT_MAX_LOGS: u64 = 100_000;
const DEFAULT_LOG_BATCH: Duration = Duration::from_secs(5);
const SHORTEST_LOG_BATCH: Duration = Duration::from_millis(100);
/// How often batches are looked at; bounds how long a row waits beyond its `max_wait`.
const TICK: Duration = Duration::from_millis(100);
/// Evaluation nests with the query; the engine bounds the depth to what fits.
const QUERY_STACK: usize = 8 << 20;
const LOG_FLUSH_BYTES: usize = 1 << 20;
/// Who logs waits no longer than this for lines to be sent.
const LONGEST_LOG_WAIT: Duration = Duration::from_secs(2);
const DEFAULT_ERROR_REGEX: &str =
    "(?i)(Error:|Symbol.+?not found|Expecting a path arg type, not|Field.+?is required|Unexpected arg)";

/// What the queries of a flow share.
pub(crate) struct FlowShared {
    pub(crate) session_id: String,
    pub(crate) cancellation: Cancellation,
    pub(crate) compress: bool,
    /// What its queries have uploaded.
    pub(crate) ledger: Arc<UploadLedger>,
    outbox: Arc<Outbox>,
    log: Mutex<LogStream>,
    /// Held while lines are taken and sent: a packet must not overtake the one before it.
    log_order: Mutex<()>,
    error_regex: Option<Regex>,
    rows: AtomicU64,
    max_rows: u64,
    uploads: AtomicI64,
    uploaded_bytes: AtomicU64,
    max_upload_bytes: u64,
    reason: Mutex<Option<String>>,
}

impl FlowShared {
    /// Counts a row; false when the flow's row limit is reached, which ends the flow.
    pub(crate) fn count_row(&self) -> bool {
        let before = self.rows.fetch_add(1, Ordering::Relaxed);
        if self.max_rows == 0 || before < self.max_rows {
            return true;
        }
        self.stop(&format!(
            "Row limit of {} exceeded, the collection was cancelled",
            self.max_rows
        ));
        false
    }

    /// The number of a new upload.
    pub(crate) fn next_upload(&self) -> i64 {
        self.uploads.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts bytes to be uploaded; false when they are more than the flow may upload, which ends the flow.
    pub(crate) fn count_upload(&self, bytes: u64) -> bool {
        let before = self.uploaded_bytes.fetch_add(bytes, Ordering::Relaxed);
        if self.max_upload_bytes == 0 || before.saturating_add(bytes) <= self.max_upload_bytes {
            return true;
        }
        self.stop(&format!(
            "Upload limit of {} bytes exceeded, the collection was cancelled",
            self.max_upload_bytes
        ));
        false
    }

    /// Queues a piece of a file. False when it was not queued because the flow or its query was cancelled.
    pub(crate) fn send_piece(&self, piece: VeloMessage, query: &Cancellation) -> Result<bool, SendError> {
        self.outbox
            .send(piece, &|| query.is_cancelled())
            .inspect_err(|error| self.lost(error))
    }

    /// Something of it could not be kept. What follows would have gaps, so it ends; its reports say what is missing.
    fn lost(&self, error: &SendError) {
        tracing::error!(flow_id = self.session_id, %error, "part of a collection is lost");
        self.stop(&format!(
            "what was collected could not be kept, so the collection was cancelled: {error}"
        ));
    }

    /// Ends all queries of the flow for this reason; the first reason counts.
    pub(crate) fn stop(&self, reason: &str) {
        self.reason.lock().get_or_insert_with(|| reason.to_owned());
        self.cancellation.cancel();
    }

    pub(crate) fn cancel_reason(&self) -> String {
        self.reason
            .lock()
            .clone()
            .unwrap_or_else(|| "the agent ended while the collection ran; collect it again".to_owned())
    }

    /// Adds to the flow's log. A message that looks like an error marks its query as failed, without stopping it.
    pub(crate) fn log(&self, query: Option<&QueryRun>, level: Level, text: &str) {
        let is_error = level == Level::Error
            || self
                .error_regex
                .as_ref()
                .is_some_and(|regex| regex.is_match(text));
        let level = if is_error { Level::Error } else { level };
        let was_kept = self.log.lock().add(level.name(), text);
        if let Some(query) = query {
            if was_kept {
                query.count_log();
            }
            if is_error {
                query.fail(text, "");
            }
        }
        self.relieve_log();
    }

    /// Who logs faster than the lines are sent, waits a moment.
    fn relieve_log(&self) {
        let deadline = Instant::now() + LONGEST_LOG_WAIT;
        while self.log.lock().waiting_bytes() > LOG_FLUSH_BYTES && Instant::now() < deadline {
            match self.log_order.try_lock() {
                Some(_in_order) => self.send_log(&|| Instant::now() >= deadline),
                None if self.cancellation.wait(TICK / 2) => return,
                None => {}
            }
        }
    }

    /// Sends the lines that wait, also those of a cancelled flow.
    fn flush_log(&self) {
        let _in_order = self.log_order.lock();
        self.send_log(&|| false);
    }

    fn send_log(&self, stop: &dyn Fn() -> bool) {
        let packet = self.log.lock().take(&self.session_id, "");
        let Some(packet) = packet else { return };
        match self.outbox.send(packet.clone(), stop) {
            Ok(true) => {}
            Ok(false) => self.log.lock().give_back(packet),
            Err(error) => tracing::error!(flow_id = self.session_id, %error, "log lines could not be kept"),
        }
    }
}

impl Destination for FlowShared {
    fn session_id(&self) -> &str {
        &self.session_id
    }

    fn compresses(&self) -> bool {
        self.compress
    }

    fn send(&self, packet: VeloMessage) {
        // Nobody wants more of a cancelled flow: it does not wait for room.
        if let Err(error) = self.outbox.send(packet, &|| self.cancellation.is_cancelled()) {
            self.lost(&error);
        }
    }
}

/// What the agent's configuration says of collections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlowSettings {
    /// Collections that run side by side.
    pub(crate) concurrency: usize,
    /// How long rows wait for company, unless the collection says so.
    pub(crate) max_wait: Duration,
    /// How often progress is reported, unless the collection says so.
    pub(crate) stats_update: Duration,
}

/// A running or finished collection.
pub(crate) struct Flow {
    shared: Arc<FlowShared>,
    queries: Vec<Arc<QueryRun>>,
    log_batch: Duration,
    stats_update: Duration,
    is_complete: AtomicBool,
    /// A checkpoint could not be written, which was said.
    lacks_checkpoint: AtomicBool,
}

impl Flow {
    pub(crate) fn new(
        session_id: &str,
        request: FlowRequest,
        outbox: Arc<Outbox>,
        parent: &Cancellation,
        settings: FlowSettings,
    ) -> Flow {
        let total = request.vql_client_actions.len();
        let pattern = if request.log_error_regex.is_empty() {
            DEFAULT_ERROR_REGEX
        } else {
            &request.log_error_regex
        };
        let log_batch = match request.log_batch_time {
            0 => DEFAULT_LOG_BATCH,
            milliseconds => Duration::from_millis(milliseconds).max(SHORTEST_LOG_BATCH),
        };
        let stats_update = match request.flow_update_time {
            0 => settings.stats_update,
            seconds => Duration::from_secs(seconds),
        };
        let largest = outbox.largest();
        let shared = FlowShared {
            session_id: session_id.to_owned(),
            cancellation: parent.child(),
            compress: request.compression == i32::from(Compression::Zlib),
            ledger: Arc::default(),
            outbox,
            log: Mutex::new(LogStream::new(if request.max_logs == 0 {
                DEFAULT_MAX_LOGS
            } else {
                request.max_logs
            })),
            log_order: Mutex::default(),
            error_regex: Regex::new(pattern)
                .or_else(|_| Regex::new(DEFAULT_ERROR_REGEX))
                .ok(),
            rows: AtomicU64::new(0),
            max_rows: request.max_rows,
            uploads: AtomicI64::new(0),
            uploaded_bytes: AtomicU64::new(0),
            max_upload_bytes: request.max_upload_bytes,
            reason: Mutex::default(),
        };
        let queries = request
            .vql_client_actions
            .into_iter()
            .map(|query| Arc::new(QueryRun::new(query, total, settings.max_wait, largest)))
            .collect();
        Flow {
            shared: Arc::new(shared),
            queries,
            log_batch,
            stats_update,
            is_complete: AtomicBool::new(false),
            lacks_checkpoint: AtomicBool::new(false),
        }
    }

    /// Notes on disk that it is there, so that the server learns of it even if the agent is killed.
    pub(crate) fn begin(&self, checkpoints: &Checkpoints) {
        self.checkpoint(checkpoints, &self.stats(false));
    }

    fn checkpoint(&self, checkpoints: &Checkpoints, stats: &FlowStats) {
        let Err(error) = checkpoints.write(&self.shared.session_id, stats) else {
            return;
        };
        if !self.lacks_checkpoint.swap(true, Ordering::Relaxed) {
            self.shared.log(None, Level::Warn, &error);
        }
    }

    /// Ends it when cancelled.
    pub(crate) fn cancellation(&self) -> &Cancellation {
        &self.shared.cancellation
    }

    /// Why it was cancelled.
    pub(crate) fn cancel_reason(&self) -> String {
        self.shared.cancel_reason()
    }

    /// Runs all queries in parallel and returns when the last has ended, or hangs and is left behind, and everything is
    /// in the outbox.
    pub(crate) fn run(&self, runner: &Arc<dyn QueryRunner>, checkpoints: &Checkpoints) {
        let mut running = Vec::new();
        let (ended, ends) = mpsc::channel();
        for query in &self.queries {
            let worker = Worker::default();
            let until_end = worker.until_end();
            let (query, shared, runner) = (Arc::clone(query), Arc::clone(&self.shared), Arc::clone(runner));
            let (ended, started) = (ended.clone(), Arc::clone(&query));
            let builder = std::thread::Builder::new()
                .name("query".to_owned())
                .stack_size(QUERY_STACK);
            let spawned = builder.spawn(move || {
                query.execute(&shared, runner.as_ref());
                drop(until_end);
                // Nobody listens any more when it was left behind.
                let _ = ended.send(());
            });
            match spawned {
                Ok(_) => running.push((started, worker)),
                Err(error) => {
                    started.abandon(&format!("no thread could be started for the query: {error}"));
                }
            }
        }
        self.tend(checkpoints, running, &ends);
        self.finish(checkpoints);
    }

    /// Sends what is due until every query has ended.
    fn tend(
        &self,
        checkpoints: &Checkpoints,
        mut running: Vec<(Arc<QueryRun>, Worker)>,
        ends: &mpsc::Receiver<()>,
    ) {
        let (mut last_log, mut last_stats) = (Instant::now(), Instant::now());
        loop {
            running.retain(|(query, worker)| !worker.has_ended() && !self.leave_behind(query, worker));
            if running.is_empty() {
                return;
            }
            // Whatever it says, and if it is that nobody is left to say anything: they are looked at.
            let _ = ends.recv_timeout(TICK);
            for query in &self.queries {
                query.tend(&self.shared);
            }
            if last_log.elapsed() >= self.log_batch
                || self.shared.log.lock().waiting_bytes() > LOG_FLUSH_BYTES
            {
                self.shared.flush_log();
                last_log = Instant::now();
            }
            if last_stats.elapsed() >= self.stats_update
                && self.queries.iter().any(|query| query.take_dirty())
            {
                let stats = self.stats(false);
                self.checkpoint(checkpoints, &stats);
                self.shared.send(stats_message(&self.shared.session_id, stats));
                last_stats = Instant::now();
            }
        }
    }

    /// True when the query hangs and nobody waits for it any more.
    fn leave_behind(&self, query: &QueryRun, worker: &Worker) -> bool {
        let Some(place) = query.hangs() else { return false };
        let is_left = worker.abandon();
        if is_left {
            query.leave_behind(&self.shared, &place);
        }
        is_left
    }

    fn finish(&self, checkpoints: &Checkpoints) {
        if self.shared.cancellation.is_cancelled() {
            self.shared.log(None, Level::Error, &self.shared.cancel_reason());
        }
        self.shared.flush_log();
        let message = stats_message(&self.shared.session_id, self.stats(true));
        self.is_complete.store(true, Ordering::Release);
        if self.shared.outbox.send_last(message) {
            checkpoints.end(&self.shared.session_id);
        }
    }

    /// The server wants it to end.
    pub(crate) fn cancel(&self) {
        self.shared.stop("Cancelled");
    }

    /// It could not start.
    pub(crate) fn refuse(&self, reason: &str, checkpoints: &Checkpoints) {
        for query in &self.queries {
            query.abandon(reason);
        }
        self.shared.stop(reason);
        self.finish(checkpoints);
    }

    pub(crate) fn stats(&self, flow_complete: bool) -> FlowStats {
        FlowStats {
            query_status: self.queries.iter().map(|query| query.status()).collect(),
            flow_complete,
            ..FlowStats::default()
        }
    }

    /// The answer to a question about this flow.
    pub(crate) fn report(&self) -> VeloMessage {
        stats_message(
            &self.shared.session_id,
            self.stats(self.is_complete.load(Ordering::Acquire)),
        )
    }
}

pub(crate) fn stats_message(session_id: &str, stats: FlowStats) -> VeloMessage {
    VeloMessage {
        session_id: session_id.to_owned(),
        request_id: peregrine_wire::ids::request::STATS,
        flow_stats: Some(stats),
        ..VeloMessage::default()
    }
}
