//! The agent: talks to its server, runs the collections it is asked for, and keeps event queries running.
//!
//! [`run`] is all of it: it blocks until its token is cancelled or the server ends it. [`EngineRunner`] runs queries with
//! the VQL engine and the functions and plugins the binary brings; any other [`runner::QueryRunner`] will do.
//!
//! `net/` talks to the server: `transport` moves bodies, `connector` picks the server and seals packets, `sender` empties
//! the outbox, `receiver` hands tasks to the executor. It knows the other two rooms.
//!
//! `work/` does what the server asks: the `executor` runs a `flow` of `query_run`s for each collection, `monitoring` keeps
//! event queries running, the `limiter` holds both to their limits. It hands what is to be sent to `state/`, and knows
//! nothing of the network.
//!
//! `state/` is what outlives a run: the `outbox` over a `buffer` on disk, `checkpoint`s of collections, the `writeback`
//! file with key and event table. It knows neither of the others.
//!
//! `agent` opens the state and starts the other two.
//!
//! Deliberately absent: any knowledge of the server's side, and VQL functions and plugins. Not built yet: uploads of
//! event queries, of the runs of sparse files alone, and resumed after a restart; trace queries, the nanny, proxies, client certificates, event artifacts of the configuration, other systems than Unix.
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
