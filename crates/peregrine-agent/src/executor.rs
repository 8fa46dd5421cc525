//! Carries out what the server asks: starts and cancels collections, answers questions about them, replaces the table
//! of monitored events.

use crate::checkpoint::Checkpoints;
use crate::flow::{Flow, stats_message};
use crate::monitoring::Monitoring;
use crate::outbox::Outbox;
use crate::runner::QueryRunner;
use crate::slots::Slots;
use parking_lot::Mutex;
use peregrine_engine::Cancellation;
use peregrine_proto::{
    FlowRequest, FlowStats, FlowStatsRequest, LogMessage, VeloMessage, VeloStatus, velo_status::ReturnedStatus,
};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Finished collections that can still be asked about.
const FINISHED_KEPT: usize = 20;
/// A collection that can't start within this time fails.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Runs collections and monitoring.
pub struct Executor {
    outbox: Arc<Outbox>,
    runner: Arc<dyn QueryRunner>,
    checkpoints: Checkpoints,
    monitoring: Monitoring,
    cancellation: Cancellation,
    slots: Slots,
    flows: Mutex<Flows>,
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
    pub fn new(
        outbox: Arc<Outbox>,
        runner: Arc<dyn QueryRunner>,
        checkpoints: Checkpoints,
        monitoring: Monitoring,
        cancellation: Cancellation,
        concurrency: usize,
        on_kill: Box<dyn Fn() + Send + Sync>,
    ) -> Arc<Executor> {
        checkpoints.recover(&outbox);
        let slots = Slots::new(concurrency.max(1));
        Arc::new(Executor { outbox, runner, checkpoints, monitoring, cancellation, slots, flows: Mutex::default(), on_kill })
    }

    /// Carries out one message of the server.
    pub fn handle(self: &Arc<Self>, message: VeloMessage) {
        let session_id = message.session_id;
        if let Some(request) = message.flow_request {
            self.start(&session_id, request, message.urgent);
        } else if message.cancel.is_some() {
            self.cancel(&session_id);
        } else if let Some(table) = message.update_event_table {
            self.monitoring.update(table);
        } else if let Some(request) = message.flow_stats_request {
            self.report(&request);
        } else if message.kill_kill_kill.is_some() {
            tracing::warn!("the server asked this agent to end");
            (self.on_kill)();
        } else if message.vql_client_action.is_some() || message.update_foreman.is_some() || message.ping.is_some() {
            // Spoken to older agents beside the messages we understand.
        } else {
            tracing::warn!(session_id, "the server sent a message this agent does not know");
            self.outbox.send_urgent(error_message(&session_id, "unsupported message: this agent does not know it"));
        }
    }

    /// The version of the event table in force.
    pub fn event_table_version(&self) -> u64 {
        self.monitoring.version()
    }

    /// Collections that run now.
    pub fn running(&self) -> usize {
        self.flows.lock().running.len()
    }

    /// Ends everything and waits for monitoring queries to close.
    pub fn shut_down(&self) {
        self.cancellation.cancel();
        self.monitoring.stop();
    }

    fn start(self: &Arc<Self>, session_id: &str, request: FlowRequest, is_urgent: bool) {
        let flow = Arc::new(Flow::new(session_id, request, Arc::clone(&self.outbox), &self.cancellation));
        {
            let mut flows = self.flows.lock();
            if flows.running.contains_key(session_id) {
                tracing::warn!(flow_id = session_id, "a collection that already runs was asked for again");
                return;
            }
            flows.running.insert(session_id.to_owned(), Arc::clone(&flow));
        }
        tracing::info!(flow_id = session_id, "collection started");
        let executor = Arc::clone(self);
        let id = session_id.to_owned();
        let work = Arc::clone(&flow);
        let spawned = std::thread::Builder::new().name("flow".to_owned()).spawn(move || {
            if is_urgent {
                work.run(&executor.runner, &executor.checkpoints);
            } else {
                match executor.slots.take(LONGEST_WAIT, &executor.cancellation) {
                    Some(_slot) => work.run(&executor.runner, &executor.checkpoints),
                    None => work.refuse("no slot to run the collection became free within an hour", &executor.checkpoints),
                }
            }
            tracing::info!(flow_id = id, "collection ended");
            let mut flows = executor.flows.lock();
            flows.running.remove(&id);
            flows.finished.push_back((id, work));
            if flows.finished.len() > FINISHED_KEPT {
                flows.finished.pop_front();
            }
        });
        if let Err(error) = spawned {
            self.flows.lock().running.remove(session_id);
            flow.refuse(&format!("no thread could be started for the collection: {error}"), &self.checkpoints);
        }
    }

    fn cancel(&self, session_id: &str) {
        self.outbox.cancel(session_id);
        let flow = self.flows.lock().running.get(session_id).cloned();
        match flow {
            Some(flow) => flow.cancel(),
            None => tracing::debug!(flow_id = session_id, "asked to cancel a collection that does not run"),
        }
    }

    fn report(&self, request: &FlowStatsRequest) {
        for flow_id in &request.flow_id {
            let flow = {
                let flows = self.flows.lock();
                let finished = || flows.finished.iter().find(|(id, _)| id == flow_id).map(|(_, flow)| flow);
                flows.running.get(flow_id).or_else(finished).cloned()
            };
            self.outbox.send_urgent(flow.map_or_else(|| unknown_flow(flow_id), |flow| flow.report()));
        }
    }
}

fn unknown_flow(flow_id: &str) -> VeloMessage {
    let status = VeloStatus {
        status: ReturnedStatus::UnknownFlow.into(),
        error_message: format!("Flow not known - maybe the agent was restarted while {flow_id} ran"),
        ..VeloStatus::default()
    };
    stats_message(flow_id, FlowStats { query_status: vec![status], flow_complete: true, ..FlowStats::default() })
}

fn error_message(session_id: &str, text: &str) -> VeloMessage {
    let line = serde_json::json!({ "client_time": crate::query_run::now_micros() / 1_000_000, "level": "ERROR", "message": text });
    VeloMessage {
        session_id: session_id.to_owned(),
        request_id: 980,
        log_message: Some(LogMessage {
            number_of_rows: 1,
            jsonl: format!("{line}\n"),
            error_message: text.to_owned(),
            ..LogMessage::default()
        }),
        ..VeloMessage::default()
    }
}
