//! Runs requests with the VQL engine.

use crate::work::limiter::Limiter;
use crate::work::runner::{QueryEnvironment, QueryRunner, QuerySink};
use peregrine_artifacts::{Namespace, Outcome, run_request};
use peregrine_engine::context::{ContextBuilder, LimiterHandle};
use peregrine_engine::json::{self, Encoder};
use peregrine_engine::log::Level;
use peregrine_engine::memory::{self, Pool};
use peregrine_engine::running::{RunningQueries, RunningQuery};
use peregrine_engine::{Context, Dict, HostState, Registry, Row, Scope, Stop, Value};
use peregrine_proto::VqlCollectorArgs;
use peregrine_wire::config::ClientConfig;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Instant;

/// Bytes of rows an agent's query sorts in memory; the machine belongs to somebody else.
const SORT_MEMORY: usize = 24 << 20;
/// Rows beyond this size do not keep their buffer for the next.
const LARGE_ROW: usize = 1 << 20;

/// Adds to the context of a query.
type Extend = dyn Fn(ContextBuilder) -> ContextBuilder + Send + Sync;

/// A [`QueryRunner`] over the VQL engine and a registry of functions and plugins.
///
/// Each request gets a scope with `config`, `_SessionId`, `Artifact` (which sees only the definitions sent
/// with the request) and the request's variables.
pub struct EngineRunner {
    registry: Arc<Registry>,
    extend: Box<Extend>,
    config: Value,
    limiter: Arc<Limiter>,
    memory: Option<Arc<Pool>>,
    running: Arc<RunningQueries>,
    /// Outlives queries, and a change of the agent's identity.
    host_state: Arc<HostState>,
}

impl EngineRunner {
    /// A runner for the functions and plugins of `registry`. `extend` is applied to the context of every
    /// query: it registers extensions, access rules and the folder for temporary files.
    pub fn new(
        registry: Arc<Registry>,
        config: &ClientConfig,
        extend: impl Fn(ContextBuilder) -> ContextBuilder + Send + Sync + 'static,
    ) -> EngineRunner {
        EngineRunner {
            registry,
            extend: Box::new(extend),
            config: match json::parse(&visible_config(config)) {
                // Artifacts use both `config.Version.Name` and `config.version.name`.
                Ok(Value::Dict(config)) => Value::Dict(config.with_field_names()),
                _ => Value::Null,
            },
            limiter: Arc::new(Limiter::new(
                config.low_resource_cpu_count,
                config.low_resource_max_cpu,
            )),
            memory: None,
            running: Arc::default(),
            host_state: Arc::default(),
        }
    }

    /// Ends queries that hold more memory than the pool allows.
    #[must_use]
    pub fn with_memory(mut self, pool: Arc<Pool>) -> EngineRunner {
        self.memory = Some(pool);
        self
    }

    /// Sets what `config.version` shows to queries: the agent's name, version, and where and when it was
    /// built.
    #[must_use]
    pub fn with_version(self, name: &str, version: &str) -> EngineRunner {
        if let Value::Dict(config) = &self.config {
            let entries = [
                ("name", name),
                ("version", version),
                ("build_time", ""),
                ("ci_build_url", ""),
            ];
            config.set("version", Dict::from_pairs(entries).with_field_names());
        }
        self
    }

    fn scope(
        &self,
        request: &VqlCollectorArgs,
        environment: &QueryEnvironment,
        extend_more: &Extend,
    ) -> Result<Scope, String> {
        let cancellation = environment.cancellation.child();
        let mut context = extend_more((self.extend)(Context::builder()))
            .registry(Arc::clone(&self.registry))
            .log(Arc::clone(&environment.log))
            .sort_memory(SORT_MEMORY)
            .host_state(Arc::clone(&self.host_state))
            .cancellation(cancellation.clone())
            .extension(Arc::new(LimiterHandle(Arc::clone(&self.limiter) as _)));
        if let Some(throttle) = self.limiter.throttle(request, &cancellation, &environment.log) {
            context = context.throttle(throttle);
        }
        if let Some(pool) = &self.memory {
            context = context.memory(pool.account(&cancellation, &environment.log));
        }
        if let Some(uploader) = &environment.uploader {
            context = context.extension(Arc::new(uploader.clone()));
        }
        context = context.extension(Arc::clone(&self.running));
        if let Some(identity) = &environment.identity {
            context = context.extension(Arc::new(identity.clone()));
        }
        let artifacts = Namespace::of_request(request).map_err(|error| error.to_string())?;
        // A copy, because dicts can be changed in place, and this one is used by all queries.
        let config = match &self.config {
            Value::Dict(config) => Value::from(config.copy()),
            other => other.clone(),
        };
        let variables = Dict::new();
        variables.set("config", config);
        variables.set("_SessionId", environment.session_id.as_str());
        variables.set("Artifact", artifacts.into_value());
        Ok(Scope::root(&context.build(), variables))
    }
}

impl QueryRunner for EngineRunner {
    fn run(
        &self,
        request: &VqlCollectorArgs,
        environment: &QueryEnvironment,
        sink: &mut dyn QuerySink,
    ) -> Result<(), String> {
        self.run_extended(request, environment, sink, &|context| context)
    }
}

impl EngineRunner {
    /// Like [`QueryRunner::run`], with more in the context of this one query, such as another machine.
    pub fn run_extended(
        &self,
        request: &VqlCollectorArgs,
        environment: &QueryEnvironment,
        sink: &mut dyn QuerySink,
        extend_more: &Extend,
    ) -> Result<(), String> {
        let name = crate::work::runner::request_name(request);
        let started = Instant::now();
        let scope = self.scope(request, environment, extend_more)?;
        let _running = self.running.enter(RunningQuery {
            session: environment.session_id.clone(),
            name: name.to_owned(),
            text: request
                .query
                .iter()
                .map(|query| query.vql.as_str())
                .collect::<Vec<_>>()
                .join("\n"),
            started: scope.clock().now(),
        });
        scope.log(Level::Info, &format!("Starting query execution for {name}."));
        let mut buffer = Vec::new();
        let mut take = |statement: usize, _: &str, row: Row| {
            buffer.clear();
            Encoder::new(&scope).row(&row, &mut buffer);
            // The row is incomplete or wrong.
            if memory::has_ended() || buffer.is_empty() {
                return Err(Stop);
            }
            let columns = || row.columns().names().iter().map(ToString::to_string).collect();
            // Rows waiting to be sent no longer belong to the query.
            let taken = memory::outside(|| sink.row(statement, &buffer, &columns));
            if buffer.capacity() > LARGE_ROW {
                buffer = Vec::new();
            }
            taken.map_err(|_| Stop)
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| run_request(&scope, request, &mut take)));
        // Even after a panic, everything the query opened is closed.
        let closed = catch_unwind(AssertUnwindSafe(|| scope.close()));
        let outcome = outcome
            .unwrap_or_else(|panic| resume_unwind(panic))
            .map_err(|error| error.to_string())?;
        closed.unwrap_or_else(|panic| resume_unwind(panic));
        let duration = started.elapsed();
        match outcome {
            Outcome::Completed => scope.log(
                Level::Info,
                &format!("Collection {name} is done after {duration:?}"),
            ),
            Outcome::Skipped => scope.log(
                Level::Info,
                &format!("{name}: Skipping query due to preconditions"),
            ),
            Outcome::Stopped => scope.log(
                Level::Info,
                &format!("Collection {name} was stopped after {duration:?}"),
            ),
        }
        Ok(())
    }
}

/// The client configuration that VQL can see, as JSON: without secrets that would let a reader pose as an
/// agent.
fn visible_config(config: &ClientConfig) -> Vec<u8> {
    let visible = ClientConfig {
        nonce: String::new(),
        crypto: peregrine_wire::config::Crypto {
            client_certificate_private_key: String::new(),
            ..config.crypto.clone()
        },
        // Proxy URLs may contain a password.
        proxy: String::new(),
        proxy_config: None,
        ..config.clone()
    };
    serde_json::to_vec(&visible).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_answers_by_both_spellings() {
        let config = ClientConfig {
            labels: vec!["blue".into()],
            ..ClientConfig::default()
        };
        let registry = Arc::new(peregrine_engine::builtin::registry());
        let runner =
            EngineRunner::new(registry, &config, |context| context).with_version("peregrine", "1.2.3");
        let Value::Dict(config) = &runner.config else {
            panic!("the configuration is a dict");
        };
        for (outer, inner) in [("Version", "Version"), ("version", "version")] {
            let version = config.copy().get(outer).unwrap();
            assert_eq!(
                version.as_dict().unwrap().get(inner).unwrap().as_str().unwrap(),
                "1.2.3"
            );
            assert!(version.as_dict().unwrap().get("BuildTime").is_some());
            assert!(version.as_dict().unwrap().get("NoSuch").is_none());
        }
        assert!(config.get("Labels").is_some());
    }

    #[test]
    fn the_visible_configuration_has_no_secrets() {
        let mut config = ClientConfig {
            nonce: "verysecret".into(),
            ..ClientConfig::default()
        };
        config.crypto.client_certificate_private_key = "alsosecret".into();
        config.proxy = "http://user:proxysecret@host/".into();
        config.labels = vec!["blue".into()];
        let shown = String::from_utf8(visible_config(&config)).unwrap();
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("blue"), "{shown}");
    }
}
