//! A running collection: its queries in parallel, one log, one row limit, regular statistics.

use crate::state::checkpoint::Checkpoints;
use crate::state::message::stats_message;
use crate::state::message_queue::MessageQueue;
use crate::work::flow_context::FlowContext;
use crate::work::left_behind::Worker;
use crate::work::query_run::QueryRun;
use crate::work::row_batch::Destination;
use crate::work::runner::QueryRunner;
use peregrine_engine::Cancellation;
use peregrine_engine::log::Level;
use peregrine_proto::{FlowRequest, FlowStats, VeloMessage};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const DEFAULT_LOG_BATCH: Duration = Duration::from_secs(5);
const SHORTEST_LOG_BATCH: Duration = Duration::from_millis(100);
/// How often batches are checked; bounds how long a row waits beyond its `max_wait`.
const TICK: Duration = Duration::from_millis(100);

/// Settings for collections from the agent's configuration.
#[derive(Debug, Clone, Copy)]
pub struct FlowSettings {
    /// Number of collections that run at the same time.
    pub concurrency: usize,
    /// How long rows wait to be sent together, unless the collection says otherwise.
    pub max_wait: Duration,
    /// How often progress is reported, unless the collection says otherwise.
    pub stats_update: Duration,
}

/// A running or finished collection.
pub struct Flow {
    context: Arc<FlowContext>,
    queries: Vec<Arc<QueryRun>>,
    log_batch: Duration,
    stats_update: Duration,
    is_complete: AtomicBool,
    /// A checkpoint could not be written, and that was logged.
    lacks_checkpoint: AtomicBool,
}

impl Flow {
    /// A collection that has not begun; it ends with `parent`.
    pub fn new(
        session_id: &str,
        request: FlowRequest,
        queue: Arc<dyn MessageQueue>,
        parent: &Cancellation,
        settings: FlowSettings,
    ) -> Flow {
        let total = request.vql_client_actions.len();
        let log_batch = match request.log_batch_time {
            0 => DEFAULT_LOG_BATCH,
            milliseconds => Duration::from_millis(milliseconds).max(SHORTEST_LOG_BATCH),
        };
        let stats_update = match request.flow_update_time {
            0 => settings.stats_update,
            seconds => Duration::from_secs(seconds),
        };
        let largest = queue.largest();
        let context = FlowContext::new(session_id, &request, queue, parent.child());
        let queries = request
            .vql_client_actions
            .into_iter()
            .map(|query| Arc::new(QueryRun::new(query, total, settings.max_wait, largest)))
            .collect();
        Flow {
            context: Arc::new(context),
            queries,
            log_batch,
            stats_update,
            is_complete: AtomicBool::new(false),
            lacks_checkpoint: AtomicBool::new(false),
        }
    }

    /// Writes a checkpoint, so that the server learns of the collection even if the agent is killed.
    pub(crate) fn begin(&self, checkpoints: &Checkpoints) {
        self.checkpoint(checkpoints, &self.stats(false));
    }

    fn checkpoint(&self, checkpoints: &Checkpoints, stats: &FlowStats) {
        let Err(error) = checkpoints.write(&self.context.session_id, stats) else {
            return;
        };
        if !self.lacks_checkpoint.swap(true, Ordering::Relaxed) {
            self.context.log(None, Level::Warn, &error);
        }
    }

    /// The token that ends it when cancelled.
    pub(crate) fn cancellation(&self) -> &Cancellation {
        &self.context.cancellation
    }

    /// Why it was cancelled.
    #[must_use]
    pub fn cancel_reason(&self) -> String {
        self.context.cancel_reason()
    }

    /// Runs all queries in parallel. Returns when the last one has ended, or hangs and is left behind, and
    /// everything is in the queue.
    pub fn run(&self, runner: &Arc<dyn QueryRunner>, checkpoints: &Checkpoints) {
        let mut running = Vec::new();
        let (ended, ends) = mpsc::channel();
        for query in &self.queries {
            let (started, context, runner) =
                (Arc::clone(query), Arc::clone(&self.context), Arc::clone(runner));
            let ended = ended.clone();
            let spawned = Worker::spawn("query", move |until_end| {
                started.execute(&context, runner.as_ref());
                drop(until_end);
                // Nobody receives this after the query was left behind.
                let _ = ended.send(());
            });
            match spawned {
                Ok((_, worker)) => running.push((Arc::clone(query), worker)),
                Err(error) => {
                    let reason = format!("no thread could be started for the query: {error}");
                    query.progress().refuse(&reason);
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
            // The result does not matter, nor whether the senders are gone: every worker is checked below.
            let _ = ends.recv_timeout(TICK);
            for query in &self.queries {
                query.tend(&self.context);
            }
            if last_log.elapsed() >= self.log_batch || self.context.has_long_log() {
                self.context.flush_log();
                last_log = Instant::now();
            }
            if last_stats.elapsed() >= self.stats_update
                && self.queries.iter().any(|query| query.progress().take_change())
            {
                let stats = self.stats(false);
                self.checkpoint(checkpoints, &stats);
                self.context.send(stats_message(&self.context.session_id, stats));
                last_stats = Instant::now();
            }
        }
    }

    /// True when the query hangs and is no longer waited for.
    fn leave_behind(&self, query: &QueryRun, worker: &Worker) -> bool {
        let Some(place) = query.hangs() else { return false };
        let is_left = worker.abandon();
        if is_left {
            query.leave_behind(&self.context, &place);
        }
        is_left
    }

    fn finish(&self, checkpoints: &Checkpoints) {
        if self.context.cancellation.is_cancelled() {
            self.context
                .log(None, Level::Error, &self.context.cancel_reason());
        }
        self.context.flush_log();
        let message = stats_message(&self.context.session_id, self.stats(true));
        self.is_complete.store(true, Ordering::Release);
        if self.context.send_last(message) {
            checkpoints.end(&self.context.session_id);
        }
    }

    /// Cancels it at the server's request.
    pub fn cancel(&self) {
        self.context.stop("Cancelled");
    }

    /// Ends it because it could not start.
    pub fn refuse(&self, reason: &str, checkpoints: &Checkpoints) {
        for query in &self.queries {
            query.progress().refuse(reason);
        }
        self.context.stop(reason);
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
    #[must_use]
    pub fn report(&self) -> VeloMessage {
        stats_message(
            &self.context.session_id,
            self.stats(self.is_complete.load(Ordering::Acquire)),
        )
    }
}
