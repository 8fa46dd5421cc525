//! Carries out what the server asks: starts and cancels collections, answers questions about them, replaces
//! the table of monitored events.

use crate::state::checkpoint::Checkpoints;
use crate::state::message::{log_line, stats_message};
use crate::state::message_queue::MessageQueue as _;
use crate::state::outbox::{Damage, Outbox};
use crate::work::flow::{Flow, FlowSettings};
use crate::work::left_behind;
use crate::work::monitoring::Monitoring;
use crate::work::runner::QueryRunner;
use crate::work::slots::Slots;
use parking_lot::{Condvar, Mutex};
use peregrine_engine::Cancellation;
use peregrine_proto::{
    FlowRequest, FlowStats, FlowStatsRequest, LogMessage, VeloMessage, VeloStatus, VqlEventTable,
    velo_status::ReturnedStatus,
};
use peregrine_wire::ids;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Number of finished collections that can still be asked about.
const FINISHED_KEPT: usize = 20;
/// A collection that cannot start within this time fails.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Runs collections and monitoring.
pub(crate) struct Executor {
    outbox: Arc<Outbox>,
    runner: Arc<dyn QueryRunner>,
    checkpoints: Checkpoints,
    monitoring: Monitoring,
    cancellation: Cancellation,
    slots: Slots,
    flows: Mutex<Flows>,
    flow_ended: Condvar,
    settings: FlowSettings,
    /// Called when the server tells this agent to end.
    on_kill: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Flows {
    running: HashMap<String, Arc<Flow>>,
    finished: VecDeque<(String, Arc<Flow>)>,
}

impl Executor {
    /// An executor whose work ends with the cancellation.
    pub(crate) fn new(
        outbox: Arc<Outbox>,
        runner: Arc<dyn QueryRunner>,
        checkpoints: Checkpoints,
        monitoring: Monitoring,
        cancellation: Cancellation,
        settings: FlowSettings,
        on_kill: Box<dyn Fn() + Send + Sync>,
    ) -> Arc<Executor> {
        let slots = Slots::new(settings.concurrency.max(1));
        Arc::new(Executor {
            outbox,
            runner,
            checkpoints,
            monitoring,
            cancellation,
            slots,
            flows: Mutex::default(),
            flow_ended: Condvar::new(),
            settings,
            on_kill,
        })
    }

    /// Carries out one message from the server; longer work continues in threads of its own.
    pub(crate) fn handle(self: &Arc<Self>, message: VeloMessage) {
        let session_id = message.session_id;
        if let Some(request) = message.flow_request {
            self.start(&session_id, request, message.urgent);
        } else if message.cancel.is_some() {
            self.cancel(&session_id);
        } else if let Some(table) = message.update_event_table {
            self.update_monitoring(table);
        } else if let Some(request) = message.flow_stats_request {
            self.report(&request);
        } else if message.kill_kill_kill.is_some() {
            tracing::warn!("the server asked this agent to end");
            (self.on_kill)();
        } else if message.vql_client_action.is_some()
            || message.update_foreman.is_some()
            || message.ping.is_some()
        {
            // Meant for older agents, and sent in addition to messages we understand.
        } else {
            tracing::warn!(session_id, "the server sent a message this agent does not know");
            self.outbox.send_urgent(error_message(
                &session_id,
                "unsupported message: this agent does not know it",
            ));
        }
    }

    /// The version of the event table in force.
    pub(crate) fn event_table_version(&self) -> u64 {
        self.monitoring.version()
    }

    /// Ends everything, and waits this long for final messages to reach the buffer.
    pub(crate) fn shut_down(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        self.cancellation.cancel();
        {
            let mut flows = self.flows.lock();
            while !flows.running.is_empty() && !self.flow_ended.wait_until(&mut flows, deadline).timed_out() {
            }
            if !flows.running.is_empty() {
                tracing::warn!(
                    collections = flows.running.len(),
                    "collections do not end; the next start reports them"
                );
            }
        }
        self.monitoring
            .stop(deadline.saturating_duration_since(Instant::now()));
    }

    /// Waits for the old queries to end, so it must not delay other messages.
    fn update_monitoring(self: &Arc<Self>, table: VqlEventTable) {
        let executor = Arc::clone(self);
        let work = move || executor.monitoring.update(table);
        if let Err(error) = std::thread::Builder::new()
            .name("event-table".to_owned())
            .spawn(work)
        {
            tracing::error!(%error, "no thread could be started to replace the event table");
        }
    }

    fn start(self: &Arc<Self>, session_id: &str, request: FlowRequest, is_urgent: bool) {
        let flow = Arc::new(Flow::new(
            session_id,
            request,
            Arc::clone(&self.outbox) as _,
            &self.cancellation,
            self.settings,
        ));
        {
            let mut flows = self.flows.lock();
            if flows.running.contains_key(session_id) {
                tracing::warn!(
                    flow_id = session_id,
                    "a collection that already runs was asked for again"
                );
                return;
            }
            flows.running.insert(session_id.to_owned(), Arc::clone(&flow));
        }
        tracing::info!(flow_id = session_id, "collection accepted");
        self.outbox.renew(session_id);
        let executor = Arc::clone(self);
        let id = session_id.to_owned();
        let work = Arc::clone(&flow);
        let spawned = std::thread::Builder::new()
            .name("flow".to_owned())
            .spawn(move || {
                executor.run(&work, is_urgent);
                tracing::info!(flow_id = id, "collection ended");
                let mut flows = executor.flows.lock();
                flows.running.remove(&id);
                flows.finished.push_back((id, work));
                if flows.finished.len() > FINISHED_KEPT {
                    flows.finished.pop_front();
                }
                drop(flows);
                executor.flow_ended.notify_all();
            });
        if let Err(error) = spawned {
            self.flows.lock().running.remove(session_id);
            flow.refuse(
                &format!("no thread could be started for the collection: {error}"),
                &self.checkpoints,
            );
        }
    }

    fn run(&self, flow: &Flow, is_urgent: bool) {
        flow.begin(&self.checkpoints);
        let left = left_behind::count();
        if left >= left_behind::MOST {
            let reason = format!(
                "{left} queries of earlier collections hang in the kernel; restart the agent, or the machine, to run more"
            );
            return flow.refuse(&reason, &self.checkpoints);
        }
        if is_urgent {
            return flow.run(&self.runner, &self.checkpoints);
        }
        match self.slots.take(LONGEST_WAIT, flow.cancellation()) {
            Some(_slot) => flow.run(&self.runner, &self.checkpoints),
            None if flow.cancellation().is_cancelled() => {
                flow.refuse(&flow.cancel_reason(), &self.checkpoints)
            }
            None => flow.refuse(
                "no slot to run the collection became free within an hour",
                &self.checkpoints,
            ),
        }
    }

    fn cancel(&self, session_id: &str) {
        if session_id == ids::MONITORING {
            return;
        }
        self.outbox.cancel(session_id);
        let flow = self.flows.lock().running.get(session_id).cloned();
        match flow {
            Some(flow) => flow.cancel(),
            None => tracing::debug!(
                flow_id = session_id,
                "asked to cancel a collection that does not run"
            ),
        }
    }

    fn report(&self, request: &FlowStatsRequest) {
        for flow_id in &request.flow_id {
            let flow = {
                let flows = self.flows.lock();
                let finished = || {
                    flows
                        .finished
                        .iter()
                        .find(|(id, _)| id == flow_id)
                        .map(|(_, flow)| flow)
                };
                flows.running.get(flow_id).or_else(finished).cloned()
            };
            let unknown = || unknown_flow(flow_id, self.outbox.damage());
            self.answer(flow.map_or_else(unknown, |flow| flow.report()));
        }
    }

    /// Sends a report ahead of everything else; but the report that a flow has ended is sent after its
    /// waiting rows, or the server would consider it complete without them.
    fn answer(&self, report: VeloMessage) {
        let is_end = report
            .flow_stats
            .as_ref()
            .is_some_and(|stats| stats.flow_complete);
        if !is_end || self.outbox.pending_bytes() == 0 {
            self.outbox.send_urgent(report);
        } else if let Err(error) = self.outbox.send(report, &|| true) {
            // The server will ask again.
            tracing::warn!(%error, "a report about a collection could not be buffered");
        }
    }
}

fn unknown_flow(flow_id: &str, damage: Option<Damage>) -> VeloMessage {
    let reason = damage.map(|damage| format!(", and its end may have been there: {damage}"));
    let status = VeloStatus {
        status: ReturnedStatus::UnknownFlow.into(),
        error_message: format!(
            "Flow not known - maybe the agent was restarted while {flow_id} ran{}",
            reason.unwrap_or_default()
        ),
        ..VeloStatus::default()
    };
    stats_message(
        flow_id,
        FlowStats {
            query_status: vec![status],
            flow_complete: true,
            ..FlowStats::default()
        },
    )
}

fn error_message(session_id: &str, text: &str) -> VeloMessage {
    VeloMessage {
        session_id: session_id.to_owned(),
        request_id: ids::request::LOG,
        log_message: Some(LogMessage {
            number_of_rows: 1,
            jsonl: log_line("ERROR", text),
            error_message: text.to_owned(),
            ..LogMessage::default()
        }),
        ..VeloMessage::default()
    }
}
