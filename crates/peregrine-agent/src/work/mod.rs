//! The work: collections and event queries, from the request to the rows sent. It uses `state`, but not
//! `net`.

pub(crate) mod engine_runner;
pub(crate) mod event_query;
pub(crate) mod executor;
pub(crate) mod flow;
pub(crate) mod flow_context;
pub(crate) mod identity;
pub(crate) mod left_behind;
pub(crate) mod limiter;
pub(crate) mod log_stream;
pub(crate) mod long_row;
pub(crate) mod memory;
pub(crate) mod monitoring;
pub(crate) mod query_progress;
pub(crate) mod query_run;
pub(crate) mod row_batch;
pub mod runner;
pub(crate) mod secrets;
pub(crate) mod slots;
pub(crate) mod upload;
pub(crate) mod usage;
