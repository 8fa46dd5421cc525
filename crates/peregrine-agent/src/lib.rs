//! The agent: talks to its server, runs the collections it is asked for, and keeps event queries running.
//!
//! [`run`] is all of it: it blocks until its token is cancelled or the server ends it. [`EngineRunner`] runs queries with
//! the VQL engine and the functions and plugins the binary brings; any other [`runner::QueryRunner`] will do.
//!
//! From the network inwards: `transport` moves bodies, `connector` picks the server and seals packets, `sender` empties
//! the `outbox` (a `buffer` on disk), `receiver` hands tasks to the `executor`, which runs a `flow` of `query_run`s for
//! each collection; `monitoring` does the same for event queries.
//!
//! Deliberately absent: any knowledge of the server's side, and VQL functions and plugins. Not built yet: uploads of
//! event queries, of the runs of sparse files alone, and resumed after a restart; trace queries, the nanny, proxies, client certificates, event artifacts of the configuration, other systems than Unix.
#![forbid(unsafe_code)]

mod agent;
mod buffer;
mod checkpoint;
mod connector;
mod engine_runner;
mod executor;
mod files;
mod flow;
mod host;
mod identity;
mod left_behind;
mod limiter;
mod lock;
mod log_stream;
mod long_row;
mod losses;
mod memory;
mod message_size;
mod monitoring;
mod outbox;
mod owner;
mod query_run;
mod receiver;
mod retry;
mod row_batch;
pub mod runner;
mod secrets;
mod sender;
mod slots;
mod tls;
mod transport;
mod upload;
mod usage;
mod writeback;

pub use agent::{AgentPaths, Ended, run};
pub use engine_runner::EngineRunner;
pub use files::check_own_file;
pub use host::HostFacts;
pub use limiter::query_limiter;
pub use memory::{memory_limits, watch_memory};
