//! One request of a flow while it runs: its rows, its status, its limits.

use crate::flow::FlowShared;
use crate::row_batch::{BatchLimits, RowBatch};
use crate::runner::{QueryEnvironment, QueryRunner, QuerySink, Stopped};
use parking_lot::Mutex;
use peregrine_engine::{Cancellation, Level, LogSink};
use peregrine_proto::{VeloStatus, VqlCollectorArgs, velo_status::ReturnedStatus};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Deadline of a query that brings none.
const DEFAULT_TIMEOUT: u64 = 600;
const DEFAULT_ROWS: u64 = 10_000;
const DEFAULT_BYTES: u64 = 5 << 20;
const DEFAULT_WAIT: u64 = 100;

/// State of one request, shared by the thread that runs it and the one that flushes.
pub(crate) struct QueryRun {
    request: VqlCollectorArgs,
    limits: BatchLimits,
    state: Mutex<State>,
}

struct State {
    status: VeloStatus,
    batches: Vec<RowBatch>,
    is_dirty: bool,
}

impl QueryRun {
    pub(crate) fn new(request: VqlCollectorArgs, total: usize) -> QueryRun {
        let or = |value: u64, default: u64| if value == 0 { default } else { value };
        let limits = BatchLimits {
            rows: or(request.max_row, DEFAULT_ROWS),
            bytes: usize::try_from(or(request.max_row_buffer_size, DEFAULT_BYTES)).unwrap_or(usize::MAX),
            wait: Duration::from_secs(or(request.max_wait, DEFAULT_WAIT)),
        };
        let status = VeloStatus {
            status: ReturnedStatus::Progress.into(),
            query_id: request.query_id,
            total_queries: i64::try_from(total).unwrap_or(i64::MAX),
            first_active: now_micros(),
            last_active: now_micros(),
            ..VeloStatus::default()
        };
        let batches = request.query.iter().zip(0..).map(|(query, id)| RowBatch::new(query.clone(), id)).collect();
        QueryRun { request, limits, state: Mutex::new(State { status, batches, is_dirty: true }) }
    }

    pub(crate) fn status(&self) -> VeloStatus {
        self.state.lock().status.clone()
    }

    /// True once after each change of the status.
    pub(crate) fn take_dirty(&self) -> bool {
        std::mem::take(&mut self.state.lock().is_dirty)
    }

    /// Sends batches that are due, or all.
    pub(crate) fn flush(&self, flow: &FlowShared, all: bool) {
        loop {
            // The lock is not held while sending: the buffer may be full, and then sending waits.
            let packet = {
                let mut state = self.state.lock();
                let limits = self.limits;
                state
                    .batches
                    .iter_mut()
                    .filter(|batch| all || batch.is_due(&limits))
                    .find_map(|batch| batch.take(&flow.session_id, flow.compress))
            };
            let Some(packet) = packet else { return };
            flow.send(packet);
        }
    }

    /// Marks the query as failed, unless it failed before.
    pub(crate) fn fail(&self, message: &str, backtrace: &str) {
        let mut state = self.state.lock();
        if state.status.error_message.is_empty() {
            state.status.error_message = message.to_owned();
            state.status.backtrace = backtrace.to_owned();
        }
        state.is_dirty = true;
    }

    /// Ends the query before it began.
    pub(crate) fn abandon(&self, message: &str) {
        self.fail(message, "");
        self.state.lock().status.status = ReturnedStatus::GenericError.into();
    }

    pub(crate) fn count_log(&self) {
        let mut state = self.state.lock();
        state.status.log_rows += 1;
        state.is_dirty = true;
    }

    /// Runs the request to its end.
    pub(crate) fn execute(self: &Arc<Self>, flow: &Arc<FlowShared>, runner: &dyn QueryRunner) {
        let started = Instant::now();
        self.state.lock().status.first_active = now_micros();
        let seconds = if self.request.timeout == 0 { DEFAULT_TIMEOUT } else { self.request.timeout };
        if self.request.expiry != 0 && self.request.expiry < now_micros() / 1_000_000 {
            self.fail("Query expired.", "");
        } else {
            let cancellation = flow.cancellation.child_with_deadline(Duration::from_secs(seconds));
            self.run_guarded(flow, runner, &cancellation);
            if flow.cancellation.is_cancelled() {
                self.fail(&flow.cancel_reason(), "");
            } else if cancellation.is_cancelled() {
                let message = format!("Query timed out after {seconds} seconds");
                flow.log(Some(self), Level::Error, &message);
                self.fail(&message, "");
            }
        }
        self.flush(flow, true);
        let mut state = self.state.lock();
        let outcome = if state.status.error_message.is_empty() { ReturnedStatus::Ok } else { ReturnedStatus::GenericError };
        state.status.status = outcome.into();
        state.status.duration = i64::try_from(started.elapsed().as_nanos()).unwrap_or(i64::MAX);
        state.status.last_active = now_micros();
        state.is_dirty = true;
    }

    fn run_guarded(self: &Arc<Self>, flow: &Arc<FlowShared>, runner: &dyn QueryRunner, cancellation: &Cancellation) {
        let environment = QueryEnvironment {
            session_id: flow.session_id.clone(),
            cancellation: cancellation.clone(),
            log: Arc::new(QueryLog { flow: Arc::clone(flow), query: Arc::clone(self) }),
        };
        let mut sink = Sink { flow, query: self };
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| runner.run(&self.request, &environment, &mut sink)));
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(message)) => {
                flow.log(Some(self), Level::Error, &message);
                self.fail(&message, "");
            }
            Err(panic) => {
                let text = panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or_else(|| panic.downcast_ref::<&str>().copied())
                    .unwrap_or("unknown reason");
                let message = format!("the query crashed: {text}; please report this");
                flow.log(Some(self), Level::Error, &message);
                self.fail(&message, text);
            }
        }
    }
}

/// Collects rows into batches.
struct Sink<'a> {
    flow: &'a Arc<FlowShared>,
    query: &'a Arc<QueryRun>,
}

impl QuerySink for Sink<'_> {
    fn row(&mut self, statement: usize, json: &[u8], columns: &dyn Fn() -> Vec<String>) -> Result<(), Stopped> {
        if !self.flow.count_row() {
            return Err(Stopped);
        }
        let is_due = {
            let mut guard = self.query.state.lock();
            let state = &mut *guard;
            let Some(batch) = state.batches.get_mut(statement) else { return Ok(()) };
            if batch.name().is_empty() {
                return Ok(());
            }
            batch.add(json, columns);
            if !state.status.names_with_response.iter().any(|name| name == batch.name()) {
                let name = batch.name().to_owned();
                state.status.names_with_response.push(name);
            }
            state.status.result_rows += 1;
            state.status.last_active = now_micros();
            state.is_dirty = true;
            batch.is_due(&self.query.limits)
        };
        if is_due {
            self.query.flush(self.flow, false);
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
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
