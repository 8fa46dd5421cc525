//! The interface between flows and the VQL engine.

use crate::work::secrets::{MaskedLog, Secrets};
use peregrine_accessors::UploaderHandle;
use peregrine_engine::Cancellation;
use peregrine_engine::context::IdentityHandle;
use peregrine_engine::log::LogSink;
use peregrine_proto::VqlCollectorArgs;
use std::borrow::Cow;
use std::sync::Arc;

/// No more rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// Returns the keys of a row, in order.
pub type Columns<'a> = dyn Fn() -> Vec<String> + 'a;

/// Receives the rows of a request.
pub trait QuerySink: Send {
    /// A row of the statement with this index in the request, as one JSON object without a line end.
    fn row(&mut self, statement: usize, json: &[u8], columns: &Columns<'_>) -> Result<(), Stopped>;
}

/// The environment of a query.
#[derive(Clone)]
pub struct QueryEnvironment {
    /// The id of the flow.
    pub session_id: String,
    /// Ends the query; carries the query's deadline.
    pub cancellation: Cancellation,
    /// Receives its messages.
    pub log: Arc<dyn LogSink>,
    /// Receives its files; `None` for event queries.
    pub uploader: Option<UploaderHandle>,
    /// The identity of the agent that runs it.
    pub identity: Option<IdentityHandle>,
}

/// Runs compiled requests.
pub trait QueryRunner: Send + Sync {
    /// Runs the request to its end, or until it is cancelled. An error says why it could not run at all.
    ///
    /// The caller catches a panic and reports it as an error of the query.
    fn run(
        &self,
        request: &VqlCollectorArgs,
        environment: &QueryEnvironment,
        sink: &mut dyn QuerySink,
    ) -> Result<(), String>;
}

/// The name of a request in messages: its first named statement.
pub(crate) fn request_name(request: &VqlCollectorArgs) -> &str {
    request
        .query
        .iter()
        .map(|query| query.name.as_str())
        .find(|name| !name.is_empty())
        .unwrap_or("query")
}

/// Runs a request; turns a panic into an error.
pub(crate) fn run_guarded(
    runner: &dyn QueryRunner,
    request: &VqlCollectorArgs,
    environment: &QueryEnvironment,
    sink: &mut dyn QuerySink,
) -> Result<(), Failure> {
    let secrets = Secrets::of(request);
    let mut environment = Cow::Borrowed(environment);
    if !secrets.is_empty() {
        let log = Arc::clone(&environment.log);
        environment.to_mut().log = Arc::new(MaskedLog {
            secrets: secrets.clone(),
            log,
        });
    }
    let work = std::panic::AssertUnwindSafe(|| runner.run(request, &environment, sink));
    match std::panic::catch_unwind(work) {
        Ok(outcome) => outcome.map_err(|message| Failure {
            message: secrets.mask(&message).into_owned(),
            backtrace: String::new(),
        }),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("unknown reason");
            let text = secrets.mask(text).into_owned();
            let message = format!("the query crashed: {text}; please report this");
            Err(Failure {
                message,
                backtrace: text,
            })
        }
    }
}

/// Why a request failed.
pub(crate) struct Failure {
    pub(crate) message: String,
    /// Where it failed, if known; not empty after a panic.
    pub(crate) backtrace: String,
}
