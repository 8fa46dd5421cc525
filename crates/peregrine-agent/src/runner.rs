//! The seam between the flow machinery and the VQL engine.

use peregrine_engine::{Cancellation, LogSink};
use peregrine_proto::VqlCollectorArgs;
use std::sync::Arc;

/// The consumer wants no more rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// Takes the rows of a request.
pub trait QuerySink: Send {
    /// A row of the statement with this index in the request, as one JSON object; `columns` gives its keys.
    fn row(&mut self, statement: usize, json: &[u8], columns: &dyn Fn() -> Vec<String>) -> Result<(), Stopped>;
}

/// What surrounds a query.
#[derive(Clone)]
pub struct QueryEnvironment {
    /// The flow.
    pub session_id: String,
    /// Ends the query.
    pub cancellation: Cancellation,
    /// Takes its messages.
    pub log: Arc<dyn LogSink>,
}

/// Runs compiled requests.
pub trait QueryRunner: Send + Sync {
    /// Runs the request to its end, or until it is cancelled. The error is why it could not run at all.
    fn run(&self, request: &VqlCollectorArgs, environment: &QueryEnvironment, sink: &mut dyn QuerySink) -> Result<(), String>;
}
