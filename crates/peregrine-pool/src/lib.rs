//! Many agents in one process: load for a server, out of one program.
//!
//! Each agent has a key, an id and a host name of its own, enrols, waits for work by long poll or websocket,
//! runs what it is sent with the VQL engine, and keeps messages until the server has confirmed them. What
//! makes them light is that they share everything else: a few threads run all collections, each event query
//! runs once for all agents that have it in their tables, and nothing is stored on disk but a few primes.
//!
//! `keys` makes the identities; `net`, `channel` and `talk` are an agent's connections and conversations;
//! `queue` holds what it has to send; `work` and `events` run queries, with the parts that a real agent is
//! made of ([`peregrine_agent::parts`]).
//!
//! Deliberately absent: buffers on disk, checkpoints, a new identity at the server's request (`rekey()`),
//! limits of CPU time, and the end of an agent at the server's request.
#![forbid(unsafe_code)]

mod channel;
mod core;
mod counters;
mod events;
mod keys;
mod limits;
mod machine;
mod member;
mod net;
mod pace;
mod queue;
mod talk;
mod work;

pub use counters::Counts;
pub use net::Transport;

use crate::core::Core;
use crate::counters::Counters;
use crate::events::Events;
use crate::keys::Primes;
use crate::member::Member;
use crate::net::Net;
use crate::queue::Budget;
use crate::work::Work;
use anyhow::Context as _;
use peregrine_agent::{EngineRunner, HostFacts};
use peregrine_engine::Cancellation;
use peregrine_os::Machine;
use peregrine_wire::config::ClientConfig;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long collections may take to end when the pool does.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long sending what is left may take.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Threads for blocking work of the network; queries have their own.
const BLOCKING_THREADS: usize = 16;

/// What the pool is like.
pub struct Options<'a> {
    /// The client configuration.
    pub config: ClientConfig,
    /// A folder for the keys.
    pub state: &'a Path,
    /// Number of agents.
    pub count: usize,
    /// `None` for what the configured URLs say.
    pub transport: Option<Transport>,
    /// Collections that run at the same time.
    pub threads: usize,
    /// New connections per second; `None` for as fast as possible.
    pub connect_rate: Option<f64>,
    /// The machine under the agents' names.
    pub machine: Arc<dyn Machine>,
    /// What the agents say about it, apart from the name.
    pub facts: HostFacts,
}

/// A running pool.
pub struct Pool {
    core: Arc<Core>,
    runtime: tokio::runtime::Runtime,
    count: usize,
    /// Ends all queries.
    stop: Cancellation,
}

impl Pool {
    /// Starts all agents. Their queries run with `engine`.
    pub fn start(options: Options<'_>, engine: EngineRunner) -> anyhow::Result<Pool> {
        limits::raise_open_files(options.count)?;
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let primes = Arc::new(Primes::open(options.state, options.count, cores)?);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("net")
            .build()
            .context("starting the network runtime")?;
        let (counters, stop) = (Arc::<Counters>::default(), Cancellation::new());
        let core = Arc::new(Core {
            net: Net::new(options.config, options.transport, options.connect_rate)?,
            counters,
            budget: Budget::default(),
            facts: HostFacts {
                install_time: primes.created,
                ..options.facts
            },
            machine: options.machine,
            engine: Arc::new(engine),
            work: Work::new(stop.child()),
            events: Events::new(stop.child()),
            runtime: runtime.handle().clone(),
            is_over: false.into(),
        });
        for _ in 0..options.threads.max(1) {
            let core = Arc::clone(&core);
            std::thread::Builder::new()
                .name("collections".to_owned())
                .spawn(move || work::run(&core))?;
        }
        for first in 0..cores {
            let (core, primes, count) = (Arc::clone(&core), Arc::clone(&primes), options.count);
            std::thread::Builder::new()
                .name("keys".to_owned())
                .spawn(move || start_agents(&core, &primes, (first..count).step_by(cores)))?;
        }
        Ok(Pool {
            core,
            runtime,
            count: options.count,
            stop,
        })
    }

    /// What it has done so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.core.counters.counts(self.count, self.core.budget.taken())
    }

    /// Ends all queries, sends what is left for a few seconds, and ends the pool. Returns its last numbers.
    pub fn stop(self) -> Counts {
        let core = &self.core;
        self.stop.cancel();
        core.work.wait_until_idle(PATIENCE);
        let deadline = Instant::now() + LAST_WORDS;
        while core.budget.taken() > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        core.is_over.store(true, Ordering::Relaxed);
        core.work.close();
        let counts = self.counts();
        self.runtime.shutdown_background();
        counts
    }
}

/// Makes the keys of these agents, and starts each as soon as it has one.
fn start_agents(core: &Arc<Core>, primes: &Primes, agents: impl Iterator<Item = usize>) {
    for agent in agents {
        if core.is_over.load(Ordering::Relaxed) {
            return;
        }
        match primes.key(agent) {
            Ok(key) => {
                let member = Arc::new(Member::new(agent, key, core.net.tls()));
                core.runtime.spawn(talk::listen(Arc::clone(core), member));
            }
            Err(error) => tracing::error!(agent, error = format!("{error:#}"), "an agent has no key"),
        }
    }
}
