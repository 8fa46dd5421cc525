//! One file of snapshot tests: its content, and running it in an environment that is always the same.

use super::{clock, filestore, mock};
use crate::{diagnostics, host, registry, session};
use anyhow::Context as _;
use parking_lot::Mutex;
use peregrine_accessors::AccessorManager;
use peregrine_artifacts::Repository;
use peregrine_engine::context::{Clock, Random, StandIns};
use peregrine_engine::log::{LogSink, MemoryLog};
use peregrine_engine::prelude::*;
use peregrine_engine::{Context, json};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Tests are small; larger files are a mistake.
const MAX_BYTES: u64 = 8 << 20;

/// Settings for all files.
pub(super) struct Settings {
    pub(super) env: Vec<(String, String)>,
    pub(super) repository: Repository,
    pub(super) timeout: Duration,
}

/// `NAME.in.yaml`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Case {
    queries: Vec<String>,
    #[serde(default)]
    parameters: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    transforms: Vec<TransformText>,
}

/// A replacement as written in the file.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TransformText {
    search: Option<String>,
    regexp: Option<String>,
    #[serde(default)]
    replace: String,
}

/// A replacement in every row and message.
enum Transform {
    Literal(String, String),
    Regexp(regex::Regex, String),
}

impl Transform {
    fn new(text: TransformText) -> anyhow::Result<Transform> {
        match (text.search, text.regexp) {
            (Some(search), None) if !search.is_empty() => Ok(Transform::Literal(search, text.replace)),
            (None, Some(regexp)) => {
                let compiled = regex::Regex::new(&regexp).with_context(|| format!("transform `{regexp}`"))?;
                Ok(Transform::Regexp(compiled, text.replace))
            }
            _ => anyhow::bail!("a transform needs one of `Search` and `Regexp`"),
        }
    }

    fn apply(&self, line: String) -> String {
        match self {
            Transform::Literal(search, replace) => line.replace(search, replace),
            Transform::Regexp(regexp, replace) => regexp.replace_all(&line, replace).into_owned(),
        }
    }
}

/// The result of one query.
pub(super) struct Outcome {
    pub(super) query: String,
    /// One JSON text per row.
    pub(super) rows: Vec<String>,
    pub(super) error: Option<String>,
    pub(super) logs: Vec<String>,
}

/// Runs the queries of a file in one scope.
pub(super) fn run(path: &Path, settings: &Settings) -> anyhow::Result<Vec<Outcome>> {
    let size = std::fs::metadata(path)?.len();
    anyhow::ensure!(
        size <= MAX_BYTES,
        "{size} bytes are too many; the limit is {MAX_BYTES}"
    );
    let text = std::fs::read_to_string(path)?;
    let case: Case = serde_saphyr::from_str(&text)?;
    let transforms = case
        .transforms
        .into_iter()
        .map(Transform::new)
        .collect::<anyhow::Result<Vec<Transform>>>()?;
    let apply = |line: String| {
        transforms
            .iter()
            .fold(line, |line, transform| transform.apply(line))
    };

    let log = Arc::new(MemoryLog::default());
    let cancellation = Cancellation::with_deadline(settings.timeout);
    let scope = open(case.parameters, settings, Arc::clone(&log), &cancellation)?;
    let mut outcomes = Vec::new();
    let mut logs_seen = 0;
    for query in case.queries {
        let (rows, mut error) = run_query(&scope, &query);
        if error.is_none() && cancellation.is_cancelled() {
            let reason = scope.context().memory().and_then(|account| account.reason());
            let late = || format!("stopped after {} seconds", settings.timeout.as_secs_f64());
            error = Some(reason.unwrap_or_else(late));
        }
        let messages = log.messages();
        let logs = messages.get(logs_seen..).unwrap_or_default().iter();
        outcomes.push(Outcome {
            query,
            rows: rows.into_iter().map(apply).collect(),
            error,
            logs: logs
                .filter(|(level, _)| *level != Level::Debug)
                .map(|(level, text)| apply(format!("{}:{text}", level.name())))
                .collect(),
        });
        logs_seen = messages.len();
    }
    scope.close();
    Ok(outcomes)
}

fn open(
    parameters: serde_json::Map<String, serde_json::Value>,
    settings: &Settings,
    log: Arc<MemoryLog>,
    cancellation: &Cancellation,
) -> anyhow::Result<Scope> {
    let mocks = Arc::new(mock::Mocks::default());
    let registry = registry::all()
        .with_functions(mock::FUNCTIONS)
        .with_functions(clock::FUNCTIONS)
        .with_functions(filestore::FUNCTIONS)
        .with_plugins(mock::PLUGINS);
    let clock = Arc::new(clock::FrozenClock::default());
    let mut accessors = AccessorManager::default();
    let store = "Files that the test wrote with write_filestore().";
    accessors.add("fs", || Arc::new(filestore::FileStoreAccessor), store, None);
    // Everything is allowed, which is the default of a context.
    let messages = Arc::clone(&log) as Arc<dyn LogSink>;
    let context = host::with_interpreter(Context::builder())
        .registry(Arc::new(registry))
        .memory(crate::memory::pool(None).account(cancellation, &messages))
        .log(messages)
        .cancellation(cancellation.clone())
        .clock(Arc::clone(&clock) as Arc<dyn Clock>)
        .random(Arc::new(Sequence(Mutex::new(1))))
        .stand_ins(Arc::clone(&mocks) as Arc<dyn StandIns>)
        .extension(Arc::new(accessors))
        .extension(clock)
        .extension(Arc::new(filestore::FileStore::default()))
        .extension(mocks)
        .extension(log)
        .build();
    let env = session::environment(&settings.repository);
    for (name, value) in parameters {
        let value = json::parse(value.to_string().as_bytes())
            .map_err(|error| anyhow::anyhow!("parameter `{name}`: {error}"))?;
        env.set(name, value);
    }
    for (name, value) in &settings.env {
        env.set(name.as_str(), value.as_str());
    }
    Ok(Scope::root(&context, env))
}

/// The rows of all statements of a text, and the error if it cannot be parsed.
fn run_query(scope: &Scope, text: &str) -> (Vec<String>, Option<String>) {
    let program = match diagnostics::compile("the query", text) {
        Ok(program) => program,
        Err(refused) => return (Vec::new(), Some(refused.render().trim_end().to_owned())),
    };
    let mut rows = Vec::new();
    let mut sink = FnSink(|row: Row| {
        let mut line = Vec::new();
        json::write_row(scope, &row, &mut line);
        rows.push(String::from_utf8_lossy(&line).into_owned());
        Ok(())
    });
    // A stop is a cancellation, which the caller sees.
    let _ = program.run(scope, &mut sink);
    (rows, None)
}

/// Well-distributed bytes that are the same in every run (SplitMix64 of a counter).
struct Sequence(Mutex<u64>);

impl Random for Sequence {
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self.0.lock();
        for chunk in buffer.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = *state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
    }
}
