//! The agent: talks to its server, runs the collections it is asked for, and keeps event queries running.
//!
//! Deliberately absent: any knowledge of the server's side; VQL functions and plugins (the binary brings them as a
//! [`runner::QueryRunner`]); a nanny, proxies and service installation, which are not built yet.
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
mod limiter;
mod log_stream;
mod monitoring;
mod outbox;
mod query_run;
mod receiver;
mod row_batch;
pub mod runner;
mod sender;
mod slots;
mod tls;
mod transport;
mod usage;
mod writeback;

pub use agent::{AgentPaths, Ended, run};
pub use engine_runner::EngineRunner;
pub use host::HostFacts;
