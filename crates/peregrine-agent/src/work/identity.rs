//! Changes the agent's identity while it runs: `rekey()`.

use crate::state::writeback::WritebackStore;
use crate::work::runner::{QueryEnvironment, QueryRunner, QuerySink};
use parking_lot::Mutex;
use peregrine_engine::Cancellation;
use peregrine_engine::context::{Identity, IdentityHandle};
use peregrine_proto::VqlCollectorArgs;
use std::sync::Arc;
use std::time::Duration;

/// The query that asks must be able to end and send its rows.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// The identity between two renewals of the agent.
pub(crate) struct Renewal {
    writeback: Arc<WritebackStore>,
    /// Cancelled when the new identity is due; covers only the queries, so that their final messages can
    /// still be sent.
    work: Cancellation,
    new_id: Mutex<Option<String>>,
}

impl Renewal {
    pub(crate) fn new(writeback: Arc<WritebackStore>, work: Cancellation) -> Arc<Renewal> {
        Arc::new(Renewal {
            writeback,
            work,
            new_id: Mutex::new(None),
        })
    }

    /// True if a new identity was requested.
    pub(crate) fn is_asked_for(&self) -> bool {
        self.new_id.lock().is_some()
    }
}

impl Identity for Renewal {
    fn renew(&self, wait: Duration) -> Result<String, String> {
        let mut new_id = self.new_id.lock();
        if let Some(id) = new_id.as_ref() {
            return Ok(id.clone());
        }
        let id = self.writeback.renew().map_err(|error| format!("{error:#}"))?;
        let wait = wait.max(SHORTEST_WAIT);
        tracing::info!(new_client_id = id, ?wait, "the agent gets a new identity");
        let work = self.work.clone();
        let spawned = std::thread::Builder::new()
            .name("rekey".to_owned())
            .stack_size(128 << 10)
            .spawn(move || {
                if !work.wait(wait) {
                    work.cancel();
                }
            });
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread could be started; the new identity counts from the next start");
        }
        *new_id = Some(id.clone());
        Ok(id)
    }
}

/// A runner whose queries may renew the agent's identity.
pub(crate) struct Identified {
    pub(crate) runner: Arc<dyn QueryRunner>,
    pub(crate) identity: Arc<Renewal>,
}

impl QueryRunner for Identified {
    fn run(
        &self,
        request: &VqlCollectorArgs,
        environment: &QueryEnvironment,
        sink: &mut dyn QuerySink,
    ) -> Result<(), String> {
        let environment = QueryEnvironment {
            identity: Some(IdentityHandle(Arc::clone(&self.identity) as _)),
            ..environment.clone()
        };
        self.runner.run(request, &environment, sink)
    }
}
