//! Runs VQL on the server on behalf of users: with their permissions, within limits, in a list from which it can be stopped.

mod collection;
mod completions;
mod ending;
mod events;
mod listing;
mod new_hunts;
mod output;
mod query;
mod results;
mod uploads;
mod watching;

pub use completions::tell_completions;
pub use events::monitor;
pub use listing::obey;
pub use new_hunts::tell_new_hunts;
pub use output::{Output, OutputRow, StatementPlace};
pub use query::Asked;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use peregrine_engine::context::{self, ContextBuilder, LimiterHandle, Throttle};
use peregrine_engine::log::LogSink;
use peregrine_engine::memory::Pool;
use peregrine_engine::prelude::*;
use peregrine_engine::{Cancellation, Context, Program};
use peregrine_services::Core;
use peregrine_services::users::Principal;
use tokio::runtime::Handle;

use crate::{Live, Stored, UserAccess};
use query::Running;

/// How long a server that stops waits for its queries.
const LONGEST_STOP: Duration = Duration::from_secs(10);

/// What the program that runs the server provides to every query.
pub struct QueryHost {
    /// Makes a context with the functions and plugins of the program.
    pub context: Box<dyn Fn() -> ContextBuilder + Send + Sync>,
    /// The memory that all queries of this server may hold.
    pub memory: Arc<Pool>,
}

/// Limits of the queries that run on one server.
#[derive(Debug, Clone, Copy)]
pub struct QueryLimits {
    /// The longest a query may take that does not say.
    pub timeout: Duration,
    /// The most rows a query may yield that does not say.
    pub rows: u64,
    /// Queries of one user at a time, and of all.
    pub per_user: usize,
    pub all: usize,
}

/// The queries of this server.
pub struct Queries {
    pub(crate) core: Arc<Core>,
    host: QueryHost,
    limits: QueryLimits,
    pub(crate) runtime: Handle,
    running: Mutex<BTreeMap<String, Arc<Running>>>,
}

/// A query as somebody asks it.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Texts of one or more statements each. They run in order, in one scope.
    pub texts: Vec<String>,
    /// Text variables.
    pub env: BTreeMap<String, String>,
    /// `None` for the limits of the server.
    pub timeout: Option<Duration>,
    pub max_rows: Option<u64>,
    /// Percent of all processors; 0 for no limit.
    pub cpu_limit: f64,
    /// The limits of the server do not apply to a query that watches events: it runs until it is cancelled, unless the question
    /// has limits of its own.
    pub may_watch_forever: bool,
    /// Runs the texts before the first one that can not be parsed, and then logs why that one can not; otherwise the whole question is
    /// refused.
    pub runs_until_bad_text: bool,
}

impl Queries {
    /// `runtime` is where services work while queries wait on threads of their own.
    #[must_use]
    pub fn new(core: Arc<Core>, host: QueryHost, limits: QueryLimits, runtime: Handle) -> Arc<Queries> {
        Arc::new(Queries {
            core,
            host,
            limits,
            runtime,
            running: Mutex::default(),
        })
    }

    /// Ends every query of this server, and waits a while until what they yielded is stored.
    pub async fn stop(&self) {
        let running: Vec<Arc<Running>> = self.running.lock().values().cloned().collect();
        for query in &running {
            query.cancel("the server stops");
        }
        let ends = async {
            for query in &running {
                query.over.cancelled().await;
            }
        };
        if tokio::time::timeout(LONGEST_STOP, ends).await.is_err() {
            tracing::warn!("some queries did not end in time");
        }
    }

    /// Parses a text; an error shows the places.
    fn compile(text: &str) -> std::result::Result<Program, String> {
        Program::compile(text).map_err(|findings| {
            let shown: Vec<String> = findings.iter().map(|finding| finding.render(text)).collect();
            format!("the query can not be parsed\n{}", shown.join("\n").trim_end())
        })
    }

    /// What slows a query down to so many percent of all processors; `None` for no limit.
    fn throttle(
        &self,
        cpu: f64,
        cancellation: &Cancellation,
        log: &Arc<dyn LogSink>,
    ) -> Option<Arc<dyn Throttle>> {
        let limits = context::QueryLimits {
            cpu: Some(cpu).filter(|cpu| *cpu > 0.0)?,
            ..Default::default()
        };
        let Some(limiter) = (self.host.context)().build().extension::<LimiterHandle>() else {
            log.log(
                Level::Warn,
                "this program cannot limit queries; the query runs without a limit of CPU time",
            );
            return None;
        };
        limiter.0.throttle(&limits, cancellation, log)
    }

    /// A scope in which the server itself evaluates something, without messages.
    fn silent_scope(self: &Arc<Self>) -> Scope {
        struct Silent;
        impl LogSink for Silent {
            fn log(&self, _: Level, _: &str) {}
        }
        let log: Arc<dyn LogSink> = Arc::new(Silent);
        let cancellation = Cancellation::new();
        let principal = Principal::of_server();
        self.scope(&principal, &BTreeMap::new(), &log, &cancellation, |context| {
            context
        })
    }

    /// The scope in which a user's query runs.
    fn scope(
        self: &Arc<Queries>,
        principal: &Principal,
        env: &BTreeMap<String, String>,
        log: &Arc<dyn LogSink>,
        cancellation: &Cancellation,
        extend: impl FnOnce(ContextBuilder) -> ContextBuilder,
    ) -> Scope {
        let database = Arc::clone(&self.core.storage.database);
        let live = Live::new(Arc::clone(self), principal.clone());
        let context: Arc<Context> = extend((self.host.context)())
            .access(Arc::new(UserAccess(principal.clone())))
            .memory(self.host.memory.account(cancellation, log))
            .log(Arc::clone(log))
            .cancellation(cancellation.clone())
            .extension(Arc::new(Stored::new(database, self.runtime.clone())))
            .extension(Arc::new(live))
            .build();
        let variables = Dict::from_pairs(env.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let version = Dict::from_pairs([("name", "peregrine"), ("version", env!("CARGO_PKG_VERSION"))]);
        let config = Dict::from_pairs([
            ("version", Value::Dict(version)),
            ("labels", Value::array(Vec::new())),
        ]);
        variables.set("config", Value::Dict(config.with_field_names()));
        let artifacts =
            peregrine_artifacts::Namespace::with(self.core.artifacts.clone(), Some(Box::new(may_call)), None);
        variables.set("Artifact", artifacts.into_value());
        Scope::root(&context, variables)
    }
}

/// Refuses artifacts that demand a permission which the user of the query lacks.
fn may_call(
    scope: &Scope,
    artifact: &peregrine_artifacts::Artifact,
) -> std::result::Result<(), peregrine_artifacts::Error> {
    for name in &artifact.required_permissions {
        let is_granted = Permission::parse(name).is_some_and(|needed| scope.check_access(needed).is_ok());
        if !is_granted {
            return Err(peregrine_artifacts::Error::Denied {
                permission: name.clone(),
                artifact: artifact.name.clone(),
            });
        }
    }
    Ok(())
}
