//! The seam between the flow machinery and the VQL engine.

use crate::work::secrets::{MaskedLog, Secrets};
use peregrine_accessors::UploaderHandle;
use peregrine_engine::Cancellation;
use peregrine_engine::context::IdentityHandle;
use peregrine_engine::log::LogSink;
use peregrine_proto::VqlCollectorArgs;
use std::borrow::Cow;
use std::sync::Arc;

/// The consumer wants no more rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// Gives the keys of a row, in order.
pub type Columns<'a> = dyn Fn() -> Vec<String> + 'a;

/// Takes the rows of a request.
pub trait QuerySink: Send {
    /// A row of the statement with this index in the request, as one JSON object without line end.
    fn row(&mut self, statement: usize, json: &[u8], columns: &Columns<'_>) -> Result<(), Stopped>;
}

/// What surrounds a query.
#[derive(Clone)]
pub struct QueryEnvironment {
    /// The flow.
    pub session_id: String,
    /// Ends the query; has the query's deadline.
    pub cancellation: Cancellation,
    /// Takes its messages.
    pub log: Arc<dyn LogSink>,
    /// Takes its files; nothing does for event queries.
    pub uploader: Option<UploaderHandle>,
    /// The identity of the agent that runs it.
    pub identity: Option<IdentityHandle>,
}

/// Runs compiled requests.
pub trait QueryRunner: Send + Sync {
    /// Runs the request to its end, or until it is cancelled. The error is why it could not run at all.
    ///
    /// A panic is caught by the caller and reported as an error of the query.
    fn run(
        &self,
        request: &VqlCollectorArgs,
        environment: &QueryEnvironment,
        sink: &mut dyn QuerySink,
    ) -> Result<(), String>;
}

/// What a request is called in messages: its first named statement.
pub(crate) fn request_name(request: &VqlCollectorArgs) -> &str {
    request
        .query
        .iter()
        .map(|query| query.name.as_str())
        .find(|name| !name.is_empty())
        .unwrap_or("query")
}

/// Runs a request; a panic in it becomes an error.
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
    /// Where, as far as it is known; not empty after a panic.
    pub(crate) backtrace: String,
}
