//! One request of a flow while it runs: its rows, its status, its limits.

use crate::state::message_size::short_text;
use crate::work::flow::FlowShared;
use crate::work::left_behind;
use crate::work::row_batch::{BatchLimits, RowBatches};
use crate::work::runner::{self, Columns, QueryEnvironment, QueryRunner, QuerySink, Stopped};
use crate::work::upload::FlowUploader;
use parking_lot::Mutex;
use peregrine_accessors::UploaderHandle;
use peregrine_engine::Cancellation;
use peregrine_engine::log::{Level, LogSink};
use peregrine_proto::{VeloStatus, VqlCollectorArgs, velo_status::ReturnedStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Deadline of a query that brings none.
const DEFAULT_TIMEOUT: u64 = 600;
const DEFAULT_HEARTBEAT: u64 = 30;

/// State of one request, shared by the thread that runs it and the one that tends the flow.
pub(crate) struct QueryRun {
    request: VqlCollectorArgs,
    rows: RowBatches,
    last_active: AtomicU64,
    is_dirty: AtomicBool,
    state: Mutex<State>,
}

struct State {
    status: VeloStatus,
    /// What the query runs in, while it does.
    work: Option<Work>,
    /// Nobody waits for it any more, and its status stays what it is.
    is_abandoned: bool,
    /// While it runs and its deadline was not reported.
    deadline: Option<Instant>,
}

/// A query at work.
struct Work {
    token: Cancellation,
    thread: i32,
    /// When it was first seen to be told to end.
    told: Option<Instant>,
}

impl QueryRun {
    pub(crate) fn new(
        request: VqlCollectorArgs,
        total: usize,
        default_wait: Duration,
        largest: usize,
    ) -> QueryRun {
        let status = VeloStatus {
            status: ReturnedStatus::Progress.into(),
            query_id: request.query_id,
            total_queries: i64::try_from(total).unwrap_or(i64::MAX),
            first_active: now_micros(),
            ..VeloStatus::default()
        };
        QueryRun {
            rows: RowBatches::new(&request, BatchLimits::of(&request, default_wait, largest)),
            request,
            last_active: AtomicU64::new(now_micros()),
            is_dirty: AtomicBool::new(true),
            state: Mutex::new(State {
                status,
                work: None,
                is_abandoned: false,
                deadline: None,
            }),
        }
    }

    pub(crate) fn status(&self) -> VeloStatus {
        let (names_with_response, rows) = self.rows.summary();
        VeloStatus {
            names_with_response,
            result_rows: i64::try_from(rows).unwrap_or(i64::MAX),
            last_active: self.last_active.load(Ordering::Relaxed),
            ..self.state.lock().status.clone()
        }
    }

    /// True once after each change of the status.
    pub(crate) fn take_dirty(&self) -> bool {
        self.is_dirty.swap(false, Ordering::Relaxed)
    }

    /// Sends rows that have waited long enough, and notices silence and the deadline.
    pub(crate) fn tend(&self, flow: &FlowShared) {
        self.rows.tend(flow);
        let is_running = self.state.lock().deadline.is_some();
        if !is_running {
            return;
        }
        let heartbeat = if self.request.heartbeat == 0 {
            DEFAULT_HEARTBEAT
        } else {
            self.request.heartbeat
        };
        if self.rows.is_silent(Duration::from_secs(heartbeat)) {
            flow.log(
                Some(self),
                Level::Info,
                &format!("{}: Waiting for rows.", request_name(&self.request)),
            );
        }
        self.note_timeout(flow);
    }

    /// Ends the query before it began.
    pub(crate) fn abandon(&self, message: &str) {
        self.fail(message, "");
        self.state.lock().status.status = ReturnedStatus::GenericError.into();
    }

    /// Where it hangs, when it was told to end long ago and does not. One that waits for room in the buffer does not hang.
    pub(crate) fn hangs(&self) -> Option<String> {
        let mut state = self.state.lock();
        let work = state.work.as_mut()?;
        if !work.token.is_cancelled() || self.rows.is_sending() {
            work.told = None;
            return None;
        }
        let told = *work.told.get_or_insert_with(Instant::now);
        (told.elapsed() >= left_behind::GRACE).then(|| left_behind::place(work.thread))
    }

    /// It hangs and is left behind: what it has found so far is sent, and what it finds later is dropped.
    pub(crate) fn leave_behind(&self, flow: &FlowShared, place: &str) {
        let reason = format!(
            "the query did not end within {} seconds after it was told to, and was left behind; it hangs in {place}",
            left_behind::GRACE.as_secs()
        );
        tracing::warn!(
            flow_id = flow.session_id,
            query = request_name(&self.request),
            reason,
            "a query is left behind"
        );
        self.rows.close();
        self.rows.flush(true, flow);
        flow.log(Some(self), Level::Error, &reason);
        let mut state = self.state.lock();
        state.is_abandoned = true;
        state.work = None;
        let status = &mut state.status;
        status.status = ReturnedStatus::GenericError.into();
        // The limit or the cancel was the first reason; where it hangs is news.
        if !status.error_message.contains(&reason) {
            status.error_message = format!("{}; {reason}", status.error_message);
        }
        status.duration = i64::try_from(
            now_micros()
                .saturating_sub(status.first_active)
                .saturating_mul(1000),
        )
        .unwrap_or(i64::MAX);
        self.is_dirty.store(true, Ordering::Relaxed);
    }

    /// Marks the query as failed; the first reason counts.
    pub(crate) fn fail(&self, message: &str, backtrace: &str) {
        let status = &mut self.state.lock().status;
        if status.error_message.is_empty() {
            status.error_message = short_text(message);
            status.backtrace = short_text(backtrace);
        }
        self.is_dirty.store(true, Ordering::Relaxed);
    }

    pub(crate) fn count_log(&self) {
        self.state.lock().status.log_rows += 1;
        self.is_dirty.store(true, Ordering::Relaxed);
    }

    /// A file of this expected size is about to be sent.
    pub(crate) fn count_upload(&self, expected: u64) {
        let status = &mut self.state.lock().status;
        status.uploaded_files += 1;
        status.expected_uploaded_bytes = status.expected_uploaded_bytes.saturating_add_unsigned(expected);
        self.is_dirty.store(true, Ordering::Relaxed);
    }

    /// So many bytes of a file were sent.
    pub(crate) fn count_uploaded(&self, bytes: u64) {
        let status = &mut self.state.lock().status;
        status.uploaded_bytes = status.uploaded_bytes.saturating_add_unsigned(bytes);
        self.last_active.store(now_micros(), Ordering::Relaxed);
        self.is_dirty.store(true, Ordering::Relaxed);
    }

    /// A file turned out to have another size than expected.
    pub(crate) fn correct_upload(&self, expected: u64, actual: u64) {
        let status = &mut self.state.lock().status;
        status.expected_uploaded_bytes = status
            .expected_uploaded_bytes
            .saturating_sub_unsigned(expected)
            .saturating_add_unsigned(actual);
        self.is_dirty.store(true, Ordering::Relaxed);
    }

    /// Runs the request to its end.
    pub(crate) fn execute(self: &Arc<Self>, flow: &Arc<FlowShared>, runner: &dyn QueryRunner) {
        let started = Instant::now();
        self.state.lock().status.first_active = now_micros();
        if flow.cancellation.is_cancelled() {
            self.fail(&flow.cancel_reason(), "");
        } else if self.request.expiry != 0 && self.request.expiry < now_micros() / 1_000_000 {
            self.fail("Query expired.", "");
        } else {
            self.run(flow, runner);
        }
        if self.state.lock().is_abandoned {
            return;
        }
        self.rows.flush(true, flow.as_ref());
        self.last_active.store(now_micros(), Ordering::Relaxed);
        let mut state = self.state.lock();
        if state.is_abandoned {
            return;
        }
        let status = &mut state.status;
        let outcome = if status.error_message.is_empty() {
            ReturnedStatus::Ok
        } else {
            ReturnedStatus::GenericError
        };
        status.status = outcome.into();
        status.duration = i64::try_from(started.elapsed().as_nanos()).unwrap_or(i64::MAX);
        self.is_dirty.store(true, Ordering::Relaxed);
    }

    fn run(self: &Arc<Self>, flow: &Arc<FlowShared>, runner: &dyn QueryRunner) {
        let timeout = Duration::from_secs(self.timeout());
        self.state.lock().deadline = Instant::now().checked_add(timeout);
        let token = flow.cancellation.child_with_deadline(timeout);
        self.state.lock().work = Some(Work {
            token: token.clone(),
            thread: left_behind::thread_id(),
            told: None,
        });
        let environment = QueryEnvironment {
            session_id: flow.session_id.clone(),
            cancellation: token,
            log: Arc::new(QueryLog {
                flow: Arc::clone(flow),
                query: Arc::clone(self),
            }),
            uploader: Some(UploaderHandle {
                uploader: Arc::new(FlowUploader::new(flow, self)),
                ledger: Arc::clone(&flow.ledger),
            }),
            // The runner knows it.
            identity: None,
        };
        let mut sink = Sink { flow, query: self };
        let outcome = runner::run_guarded(runner, &self.request, &environment, &mut sink);
        {
            let mut state = self.state.lock();
            state.work = None;
            if state.is_abandoned {
                return;
            }
        }
        if let Err(failure) = outcome {
            self.fail(&failure.message, &failure.backtrace);
            flow.log(Some(self), Level::Error, &failure.message);
        }
        if flow.cancellation.is_cancelled() {
            self.fail(&flow.cancel_reason(), "");
        } else {
            self.note_timeout(flow);
        }
        self.state.lock().deadline = None;
    }

    fn timeout(&self) -> u64 {
        if self.request.timeout == 0 {
            DEFAULT_TIMEOUT
        } else {
            self.request.timeout
        }
    }

    /// Reports the deadline, once, when it has passed. The query stops by its own token.
    fn note_timeout(&self, flow: &FlowShared) {
        let has_passed = self
            .state
            .lock()
            .deadline
            .take_if(|deadline| Instant::now() >= *deadline)
            .is_some();
        if has_passed && !flow.cancellation.is_cancelled() {
            let message = format!("Query timed out after {} seconds", self.timeout());
            flow.log(Some(self), Level::Error, &message);
        }
    }
}

/// What a request is called in messages: its first named statement.
pub(crate) fn request_name(request: &VqlCollectorArgs) -> &str {
    request
        .query
        .iter()
        .map(|query| query.name.as_str())
        .find(|name| !name.is_empty())
        .unwrap_or("query")
}

/// Collects rows into batches.
struct Sink<'a> {
    flow: &'a Arc<FlowShared>,
    query: &'a Arc<QueryRun>,
}

impl QuerySink for Sink<'_> {
    fn row(&mut self, statement: usize, json: &[u8], columns: &Columns<'_>) -> Result<(), Stopped> {
        let query = self.query;
        if query.state.lock().is_abandoned {
            return Err(Stopped);
        }
        if !query.rows.wants(statement) {
            return Ok(());
        }
        if !self.flow.count_row() {
            return Err(Stopped);
        }
        let note = query.rows.push(statement, json, columns, self.flow.as_ref());
        query.last_active.store(now_micros(), Ordering::Relaxed);
        query.is_dirty.store(true, Ordering::Relaxed);
        if let Some(note) = note {
            self.flow.log(Some(query), Level::Error, &note);
        }
        Ok(())
    }
}

/// The messages of one query go to the flow's log.
struct QueryLog {
    flow: Arc<FlowShared>,
    query: Arc<QueryRun>,
}

impl LogSink for QueryLog {
    fn log(&self, level: Level, text: &str) {
        self.flow.log(Some(&self.query), level, text);
    }
}

pub(crate) fn now_micros() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
