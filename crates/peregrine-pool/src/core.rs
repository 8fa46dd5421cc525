//! What all agents of a pool share.

use crate::counters::Counters;
use crate::events::Events;
use crate::net::Net;
use crate::queue::Budget;
use crate::work::Work;
use peregrine_agent::{EngineRunner, HostFacts};
use peregrine_os::Machine;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub(crate) struct Core {
    pub(crate) net: Net,
    pub(crate) counters: Arc<Counters>,
    pub(crate) budget: Budget,
    pub(crate) facts: HostFacts,
    pub(crate) machine: Arc<dyn Machine>,
    pub(crate) engine: Arc<EngineRunner>,
    pub(crate) work: Work,
    pub(crate) events: Events,
    pub(crate) runtime: tokio::runtime::Handle,
    /// Set when nobody sends any more.
    pub(crate) is_over: AtomicBool,
}

impl Core {
    /// How long rows wait to be sent together, unless the server says otherwise.
    pub(crate) fn default_wait(&self) -> Duration {
        Duration::from_secs(self.net.config.default_max_wait)
    }
}
