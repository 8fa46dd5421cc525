//! The agent: talks to its server, runs the collections it is sent, and keeps event queries running.
//!
//! [`run`] is the entry point: it blocks until its token is cancelled or the server ends it. [`EngineRunner`]
//! runs queries with the VQL engine and the functions and plugins of the binary; any other
//! [`runner::QueryRunner`] can be used instead.
//!
//! `net/` talks to the server: `transport` sends bodies, `connector` picks the server and seals packets,
//! `sender` empties the outbox, `receiver` hands tasks to the executor. It uses the other two folders.
//!
//! `work/` does what the server asks: the `executor` runs a `flow` of `query_run`s for each collection,
//! `monitoring` keeps event queries running, and the `limiter` limits both. It passes outgoing messages to
//! `state/` and does not use the network.
//!
//! `state/` outlives a run: the `outbox` over a `buffer` on disk, `checkpoint`s of collections, and the
//! `writeback` file with key and event table. It uses neither of the others.
//!
//! `agent` opens the state and starts the other two.
//!
//! Deliberately absent: any knowledge of the server's internals, and VQL functions and plugins. Not
//! implemented yet: uploads by event queries, uploads of only the data of sparse files, uploads resumed after
//! a restart; trace queries, the nanny, proxies, client certificates, event artifacts of the configuration,
//! systems other than Unix.
#![forbid(unsafe_code)]

mod agent;
mod clock;
mod host;
mod net;
mod random;
mod state;
mod work;

pub use agent::{AgentPaths, Ended, run};
pub use host::HostFacts;
pub use state::files::check_own_file;
pub use work::engine_runner::EngineRunner;
pub use work::limiter::query_limiter;
pub use work::memory::{memory_limits, watch_memory};
pub use work::runner;

/// The parts of an agent for a program that is many agents at once.
pub mod parts {
    pub use crate::net::receiver::{check_in, client_info};
    pub use crate::net::retry::Retry;
    pub use crate::net::tls::{TlsError, client_config as tls_config};
    pub use crate::random::random_below;
    pub use crate::state::checkpoint::Checkpoints;
    pub use crate::state::message_queue::{MessageQueue, SendError};
    pub use crate::state::message_size::{fit as fit_message, largest as largest_message};
    pub use crate::work::event_query::{EventQuery, LOG_FLUSH};
    pub use crate::work::flow::{Flow, FlowSettings};
}
