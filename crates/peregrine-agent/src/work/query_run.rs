//! One running request of a flow: its rows, its status, its limits.

use crate::clock::now_seconds;
use crate::work::flow_context::FlowContext;
use crate::work::left_behind;
use crate::work::query_progress::QueryProgress;
use crate::work::row_batch::{BatchLimits, RowBatches};
use crate::work::runner::{self, Columns, QueryEnvironment, QueryRunner, QuerySink, Stopped, request_name};
use crate::work::upload::FlowUploader;
use parking_lot::Mutex;
use peregrine_accessors::UploaderHandle;
use peregrine_engine::Cancellation;
use peregrine_engine::log::{Level, LogSink};
use peregrine_proto::{VeloStatus, VqlCollectorArgs};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Deadline of a query that has none, in seconds.
const DEFAULT_TIMEOUT: u64 = 600;
const DEFAULT_HEARTBEAT: u64 = 30;

/// One request, shared by the thread that runs it and the one that manages the flow.
pub(crate) struct QueryRun {
    request: VqlCollectorArgs,
    rows: RowBatches,
    progress: Arc<QueryProgress>,
    running: Mutex<Running>,
}

/// The state while it runs.
#[derive(Default)]
struct Running {
    work: Option<Work>,
    /// Cleared once it has been reported.
    deadline: Option<Instant>,
}

/// A query at work.
struct Work {
    token: Cancellation,
    thread: i32,
    /// When it was first found to be cancelled.
    told: Option<Instant>,
}

impl QueryRun {
    pub(crate) fn new(
        request: VqlCollectorArgs,
        total: usize,
        default_wait: Duration,
        largest: usize,
    ) -> QueryRun {
        QueryRun {
            rows: RowBatches::new(&request, BatchLimits::of(&request, default_wait, largest)),
            progress: Arc::new(QueryProgress::new(&request, total)),
            request,
            running: Mutex::default(),
        }
    }

    /// How far it has come.
    pub(crate) fn progress(&self) -> &QueryProgress {
        &self.progress
    }

    pub(crate) fn status(&self) -> VeloStatus {
        let (names_with_response, rows) = self.rows.summary();
        VeloStatus {
            names_with_response,
            result_rows: i64::try_from(rows).unwrap_or(i64::MAX),
            ..self.progress.status()
        }
    }

    /// Sends rows that have waited long enough, and handles lack of progress and the deadline.
    pub(crate) fn tend(&self, flow: &FlowContext) {
        self.rows.tend(flow);
        let is_running = self.running.lock().deadline.is_some();
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
                Some(&self.progress),
                Level::Info,
                &format!("{}: Waiting for rows.", request_name(&self.request)),
            );
        }
        self.note_timeout(flow);
    }

    /// Where it hangs, if it was told to end long ago and has not. A query waiting for room in the buffer
    /// does not hang.
    pub(crate) fn hangs(&self) -> Option<String> {
        let mut running = self.running.lock();
        let work = running.work.as_mut()?;
        if !work.token.is_cancelled() || self.rows.is_sending() {
            work.told = None;
            return None;
        }
        let told = *work.told.get_or_insert_with(Instant::now);
        (told.elapsed() >= left_behind::GRACE).then(|| left_behind::place(work.thread))
    }

    /// Leaves a hanging query behind: its rows so far are sent, and later ones are dropped.
    pub(crate) fn leave_behind(&self, flow: &FlowContext, place: &str) {
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
        flow.log(Some(&self.progress), Level::Error, &reason);
        self.progress.leave_behind(&reason);
        self.running.lock().work = None;
    }

    /// Runs the request to its end.
    pub(crate) fn execute(&self, flow: &Arc<FlowContext>, runner: &dyn QueryRunner) {
        let started = Instant::now();
        self.progress.begin();
        if flow.cancellation.is_cancelled() {
            self.progress.fail(&flow.cancel_reason(), "");
        } else if self.request.expiry != 0 && self.request.expiry < now_seconds() {
            self.progress.fail("Query expired.", "");
        } else {
            self.run(flow, runner);
        }
        if self.progress.is_closed() {
            return;
        }
        self.rows.flush(true, flow.as_ref());
        self.progress.finish(started.elapsed());
    }

    fn run(&self, flow: &Arc<FlowContext>, runner: &dyn QueryRunner) {
        let timeout = Duration::from_secs(self.timeout());
        self.running.lock().deadline = Instant::now().checked_add(timeout);
        let token = flow.cancellation.child_with_deadline(timeout);
        self.running.lock().work = Some(Work {
            token: token.clone(),
            thread: left_behind::thread_id(),
            told: None,
        });
        let environment = QueryEnvironment {
            session_id: flow.session_id.clone(),
            cancellation: token,
            log: Arc::new(QueryLog {
                flow: Arc::clone(flow),
                progress: Arc::clone(&self.progress),
            }),
            uploader: Some(UploaderHandle {
                uploader: Arc::new(FlowUploader::new(flow, &self.progress)),
                ledger: Arc::clone(&flow.ledger),
            }),
            // The runner adds it.
            identity: None,
        };
        let mut sink = Sink { flow, query: self };
        let outcome = runner::run_guarded(runner, &self.request, &environment, &mut sink);
        self.running.lock().work = None;
        if self.progress.is_closed() {
            return;
        }
        if let Err(failure) = outcome {
            self.progress.fail(&failure.message, &failure.backtrace);
            flow.log(Some(&self.progress), Level::Error, &failure.message);
        }
        if flow.cancellation.is_cancelled() {
            self.progress.fail(&flow.cancel_reason(), "");
        } else {
            self.note_timeout(flow);
        }
        self.running.lock().deadline = None;
    }

    fn timeout(&self) -> u64 {
        if self.request.timeout == 0 {
            DEFAULT_TIMEOUT
        } else {
            self.request.timeout
        }
    }

    /// Reports the deadline once it has passed. The query is stopped by its own token.
    fn note_timeout(&self, flow: &FlowContext) {
        let has_passed = self
            .running
            .lock()
            .deadline
            .take_if(|deadline| Instant::now() >= *deadline)
            .is_some();
        if has_passed && !flow.cancellation.is_cancelled() {
            let message = format!("Query timed out after {} seconds", self.timeout());
            flow.log(Some(&self.progress), Level::Error, &message);
        }
    }
}

/// Collects rows into batches.
struct Sink<'a> {
    flow: &'a FlowContext,
    query: &'a QueryRun,
}

impl QuerySink for Sink<'_> {
    fn row(&mut self, statement: usize, json: &[u8], columns: &Columns<'_>) -> Result<(), Stopped> {
        let query = self.query;
        if query.progress.is_closed() {
            return Err(Stopped);
        }
        if !query.rows.wants(statement) {
            return Ok(());
        }
        if !self.flow.count_row() {
            return Err(Stopped);
        }
        let note = query.rows.push(statement, json, columns, self.flow);
        query.progress.touch();
        if let Some(note) = note {
            self.flow.log(Some(&query.progress), Level::Error, &note);
        }
        Ok(())
    }
}

/// Passes the messages of one query to the flow's log.
struct QueryLog {
    flow: Arc<FlowContext>,
    progress: Arc<QueryProgress>,
}

impl LogSink for QueryLog {
    fn log(&self, level: Level, text: &str) {
        self.flow.log(Some(&self.progress), level, text);
    }
}
