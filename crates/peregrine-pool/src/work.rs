//! The collections of all agents, which run on a few threads, first come, first served.

use crate::core::Core;
use crate::counters::add;
use crate::machine::NamedRunner;
use crate::member::{Member, Outlet};
use parking_lot::{Condvar, Mutex};
use peregrine_agent::parts::{Checkpoints, Flow, FlowSettings};
use peregrine_agent::runner::QueryRunner;
use peregrine_engine::Cancellation;
use peregrine_proto::{
    FlowRequest, FlowStats, FlowStatsRequest, Message as _, VeloMessage, VeloStatus,
    velo_status::ReturnedStatus,
};
use peregrine_wire::ids;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Finished collections that an agent can still be asked about.
const FINISHED_KEPT: usize = 20;

/// The queue for the threads.
pub(crate) struct Work {
    jobs: Mutex<Jobs>,
    changed: Condvar,
    /// Ends all collections.
    stop: Cancellation,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    /// Collections that were accepted and have not ended.
    unfinished: usize,
    is_over: bool,
}

/// A collection of an agent.
struct Job {
    member: Arc<Member>,
    session_id: String,
    flow: Arc<Flow>,
}

/// The collections of one agent.
#[derive(Default)]
pub(crate) struct Flows {
    active: Vec<(String, Arc<Flow>)>,
    /// The last report of each, serialised, which is smaller.
    finished: VecDeque<(String, Vec<u8>)>,
}

impl Work {
    pub(crate) fn new(stop: Cancellation) -> Work {
        Work {
            jobs: Mutex::default(),
            changed: Condvar::new(),
            stop,
        }
    }

    /// Waits until all collections have ended; false when that takes too long.
    pub(crate) fn wait_until_idle(&self, longest: Duration) -> bool {
        let deadline = Instant::now() + longest;
        let mut jobs = self.jobs.lock();
        while jobs.unfinished > 0 {
            if self.changed.wait_until(&mut jobs, deadline).timed_out() {
                return jobs.unfinished == 0;
            }
        }
        true
    }

    /// Ends the threads.
    pub(crate) fn close(&self) {
        self.jobs.lock().is_over = true;
        self.changed.notify_all();
    }

    fn next(&self) -> Option<Job> {
        let mut jobs = self.jobs.lock();
        loop {
            if jobs.is_over {
                return None;
            }
            if let Some(job) = jobs.waiting.pop_front() {
                return Some(job);
            }
            self.changed.wait(&mut jobs);
        }
    }
}

/// Runs collections until the pool ends.
pub(crate) fn run(core: &Arc<Core>) {
    while let Some(job) = core.work.next() {
        let runner: Arc<dyn QueryRunner> = Arc::new(NamedRunner {
            engine: Arc::clone(&core.engine),
            machine: Arc::clone(&core.machine),
            hostname: job.member.name(),
        });
        job.flow.run(&runner, &Checkpoints::none());
        finish(core, job);
    }
}

fn finish(core: &Core, job: Job) {
    add(&core.counters.collections, 1);
    let report = job.flow.report().encode_to_vec();
    {
        let mut flows = job.member.flows.lock();
        flows.active.retain(|(id, _)| *id != job.session_id);
        flows.finished.push_back((job.session_id, report));
        if flows.finished.len() > FINISHED_KEPT {
            flows.finished.pop_front();
        }
    }
    core.work.jobs.lock().unfinished -= 1;
    core.work.changed.notify_all();
}

/// Queues a collection; ahead of others if it is urgent.
pub(crate) fn accept(
    core: &Arc<Core>,
    member: &Arc<Member>,
    session_id: String,
    mut request: FlowRequest,
    is_urgent: bool,
) {
    for query in &mut request.vql_client_actions {
        // They are about the machine, which all agents share: the first to reach them would stop all others.
        query.cpu_limit = 0.0;
        query.iops_limit = 0.0;
        query.ops_per_second = 0.0;
    }
    let outlet = Arc::new(Outlet {
        core: Arc::clone(core),
        member: Arc::clone(member),
    });
    let config = &core.net.config;
    let settings = FlowSettings {
        concurrency: usize::try_from(config.concurrency).unwrap_or(usize::MAX),
        max_wait: core.default_wait(),
        stats_update: Duration::from_secs(config.default_server_flow_stats_update),
    };
    let flow = Arc::new(Flow::new(&session_id, request, outlet, &core.work.stop, settings));
    {
        let mut flows = member.flows.lock();
        if flows.active.iter().any(|(id, _)| *id == session_id) {
            return tracing::debug!(session_id, "a collection that already runs was asked for again");
        }
        flows.finished.retain(|(id, _)| *id != session_id);
        flows.active.push((session_id.clone(), Arc::clone(&flow)));
    }
    let job = Job {
        member: Arc::clone(member),
        session_id,
        flow,
    };
    let mut jobs = core.work.jobs.lock();
    jobs.unfinished += 1;
    if is_urgent {
        jobs.waiting.push_front(job);
    } else {
        jobs.waiting.push_back(job);
    }
    drop(jobs);
    // Not only threads wait: a single notification could reach the one who waits for the end.
    core.work.changed.notify_all();
}

/// Ends a collection. One that still waits for a thread ends without.
pub(crate) fn cancel(core: &Arc<Core>, member: &Arc<Member>, session_id: &str) {
    if session_id == ids::MONITORING {
        return;
    }
    member.queue.cancel(session_id, &core.budget);
    let flow = {
        let flows = member.flows.lock();
        let found = flows.active.iter().find(|(id, _)| id == session_id);
        found.map(|(_, flow)| Arc::clone(flow))
    };
    let Some(flow) = flow else { return };
    flow.cancel();
    let waiting = {
        let waiting = &mut core.work.jobs.lock().waiting;
        let at = waiting.iter().position(|job| Arc::ptr_eq(&job.flow, &flow));
        at.and_then(|at| waiting.remove(at))
    };
    if let Some(job) = waiting {
        let core = Arc::clone(core);
        // Its report may have to wait for room.
        tokio::task::spawn_blocking(move || {
            job.flow.refuse(&job.flow.cancel_reason(), &Checkpoints::none());
            finish(&core, job);
        });
    }
}

/// Answers a question about collections.
pub(crate) fn report(core: &Arc<Core>, member: &Arc<Member>, request: &FlowStatsRequest) {
    let outlet = Outlet {
        core: Arc::clone(core),
        member: Arc::clone(member),
    };
    for flow_id in &request.flow_id {
        let report = {
            let flows = member.flows.lock();
            let active = flows.active.iter().find(|(id, _)| id == flow_id);
            let finished = || flows.finished.iter().find(|(id, _)| id == flow_id);
            match active {
                Some((_, flow)) => flow.report(),
                None => finished()
                    .and_then(|(_, report)| VeloMessage::decode(report.as_slice()).ok())
                    .unwrap_or_else(|| unknown(flow_id)),
            }
        };
        // The end of a collection is told after its rows, or the server would consider it complete without them.
        let is_end = report
            .flow_stats
            .as_ref()
            .is_some_and(|stats| stats.flow_complete);
        if let Err(error) = outlet.send_now(report, !is_end) {
            tracing::warn!(%error, "a report about a collection could not be sent");
        }
    }
}

fn unknown(flow_id: &str) -> VeloMessage {
    let status = VeloStatus {
        status: ReturnedStatus::UnknownFlow.into(),
        error_message: format!("Flow not known - maybe the pool was restarted while {flow_id} ran"),
        ..VeloStatus::default()
    };
    VeloMessage {
        session_id: flow_id.to_owned(),
        request_id: ids::request::STATS,
        flow_stats: Some(FlowStats {
            query_status: vec![status],
            flow_complete: true,
            ..FlowStats::default()
        }),
        ..VeloMessage::default()
    }
}
