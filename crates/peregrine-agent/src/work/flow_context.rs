//! What the queries of a collection share: limits, one log, and the queue for what they send.

use crate::state::message_queue::{MessageQueue, SendError};
use crate::work::log_stream::LogStream;
use crate::work::query_progress::QueryProgress;
use crate::work::row_batch::Destination;
use parking_lot::Mutex;
use peregrine_accessors::UploadLedger;
use peregrine_engine::Cancellation;
use peregrine_engine::log::Level;
use peregrine_proto::{FlowRequest, VeloMessage, flow_request::Compression};
use regex::Regex;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const DEFAULT_MAX_LOGS: u64 = 100_000;
const LOG_FLUSH_BYTES: usize = 1 << 20;
/// The longest time that logging waits for lines to be sent.
const LONGEST_LOG_WAIT: Duration = Duration::from_secs(2);
/// How often waiting loggers check whether the log has become shorter.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const DEFAULT_ERROR_REGEX: &str =
    "(?i)(Error:|Symbol.+?not found|Expecting a path arg type, not|Field.+?is required|Unexpected arg)";

/// What the queries of a collection share.
pub(crate) struct FlowContext {
    pub(crate) session_id: String,
    pub(crate) cancellation: Cancellation,
    pub(crate) compress: bool,
    /// The uploads of its queries.
    pub(crate) ledger: Arc<UploadLedger>,
    queue: Arc<dyn MessageQueue>,
    log: Mutex<LogStream>,
    /// Held while lines are taken and sent, so that packets cannot overtake each other.
    log_order: Mutex<()>,
    error_regex: Option<Arc<Regex>>,
    rows: AtomicU64,
    max_rows: u64,
    uploads: AtomicI64,
    uploaded_bytes: AtomicU64,
    max_upload_bytes: u64,
    reason: Mutex<Option<String>>,
}

impl FlowContext {
    /// The context of a collection that ends with `cancellation`.
    pub(crate) fn new(
        session_id: &str,
        request: &FlowRequest,
        queue: Arc<dyn MessageQueue>,
        cancellation: Cancellation,
    ) -> FlowContext {
        let pattern = if request.log_error_regex.is_empty() {
            DEFAULT_ERROR_REGEX
        } else {
            &request.log_error_regex
        };
        let max_logs = if request.max_logs == 0 {
            DEFAULT_MAX_LOGS
        } else {
            request.max_logs
        };
        FlowContext {
            session_id: session_id.to_owned(),
            cancellation,
            compress: request.compression == i32::from(Compression::Zlib),
            ledger: Arc::default(),
            queue,
            log: Mutex::new(LogStream::new(max_logs)),
            log_order: Mutex::default(),
            error_regex: compiled(pattern).or_else(|| compiled(DEFAULT_ERROR_REGEX)),
            rows: AtomicU64::new(0),
            max_rows: request.max_rows,
            uploads: AtomicI64::new(0),
            uploaded_bytes: AtomicU64::new(0),
            max_upload_bytes: request.max_upload_bytes,
            reason: Mutex::default(),
        }
    }

    /// Counts a row; false if that exceeds the flow's row limit, which ends the flow.
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

    /// Counts bytes to be uploaded; false if that exceeds the flow's upload limit, which ends the flow.
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

    /// Queues a piece of a file; false if it was not queued because the flow or its query was cancelled.
    pub(crate) fn send_piece(&self, piece: VeloMessage, query: &Cancellation) -> Result<bool, SendError> {
        self.queue
            .send(piece, &|| query.is_cancelled())
            .inspect_err(|error| self.lost(error))
    }

    /// Ends the flow because data could not be stored: anything after it would have gaps. Its reports say
    /// what is missing.
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

    /// Adds to the flow's log. A message that looks like an error marks its query as failed, but does not
    /// stop it.
    pub(crate) fn log(&self, query: Option<&QueryProgress>, level: Level, text: &str) {
        if level == Level::Alert {
            return self.alert(query, text);
        }
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

    /// Sends an alert without waiting for further lines. What it says is data, and no reason to fail.
    fn alert(&self, query: Option<&QueryProgress>, text: &str) {
        let _in_order = self.log_order.lock();
        let packets = self.log.lock().take_alert(&self.session_id, "", text);
        if let Some(query) = query.filter(|_| !packets.is_empty()) {
            query.count_log();
        }
        for packet in packets {
            self.send_lines(packet, &|| self.cancellation.is_cancelled());
        }
    }

    /// Delays a query that logs faster than lines are sent.
    fn relieve_log(&self) {
        let deadline = Instant::now() + LONGEST_LOG_WAIT;
        while self.has_long_log() && Instant::now() < deadline {
            match self.log_order.try_lock() {
                Some(_in_order) => self.send_log(&|| Instant::now() >= deadline),
                None if self.cancellation.wait(LOOK_AGAIN) => return,
                None => {}
            }
        }
    }

    /// True when too many lines are waiting.
    pub(crate) fn has_long_log(&self) -> bool {
        self.log.lock().waiting_bytes() > LOG_FLUSH_BYTES
    }

    /// Sends a report that must not be lost, after everything else; false when it could not be stored.
    pub(crate) fn send_last(&self, report: VeloMessage) -> bool {
        self.queue.send_last(report)
    }

    /// Sends the waiting lines, including those of a cancelled flow.
    pub(crate) fn flush_log(&self) {
        let _in_order = self.log_order.lock();
        self.send_log(&|| false);
    }

    fn send_log(&self, stop: &dyn Fn() -> bool) {
        let packet = self.log.lock().take(&self.session_id, "");
        if let Some(packet) = packet {
            self.send_lines(packet, stop);
        }
    }

    fn send_lines(&self, packet: VeloMessage, stop: &dyn Fn() -> bool) {
        match self.queue.send(packet.clone(), stop) {
            Ok(true) => {}
            Ok(false) => self.log.lock().give_back(packet),
            Err(error) => tracing::error!(flow_id = self.session_id, %error, "log lines could not be kept"),
        }
    }
}

/// The pattern, compiled. The last one is kept, because a server sends the same one with every collection.
fn compiled(pattern: &str) -> Option<Arc<Regex>> {
    static LAST: Mutex<Option<Arc<Regex>>> = Mutex::new(None);
    let mut last = LAST.lock();
    if let Some(regex) = last.as_ref().filter(|regex| regex.as_str() == pattern) {
        return Some(Arc::clone(regex));
    }
    let regex = Arc::new(Regex::new(pattern).ok()?);
    *last = Some(Arc::clone(&regex));
    Some(regex)
}

impl Destination for FlowContext {
    fn session_id(&self) -> &str {
        &self.session_id
    }

    fn compresses(&self) -> bool {
        self.compress
    }

    fn send(&self, packet: VeloMessage) {
        // A cancelled flow does not wait for room.
        if let Err(error) = self.queue.send(packet, &|| self.cancellation.is_cancelled()) {
            self.lost(&error);
        }
    }
}
