//! Functions and plugins that exist only in snapshot tests, to replace the answers of a machine.

use indexmap::IndexMap;
use parking_lot::Mutex;
use peregrine_artifacts::Namespace;
use peregrine_engine::context::StandIns;
use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::*;
use std::any::Any;
use std::sync::Arc;

/// The functions of this file.
pub(super) const FUNCTIONS: &[FunctionDef] = functions![Mock, MockCheck, MockReplay, MockClear];
/// The plugins of this file.
pub(super) const PLUGINS: &[PluginDef] = plugins![TestReadLogs];

/// The mocks of a test by name.
#[derive(Debug, Default)]
pub(super) struct Mocks {
    functions: Mutex<IndexMap<String, Arc<StandIn>>>,
    plugins: Mutex<IndexMap<String, Arc<StandIn>>>,
}

impl StandIns for Mocks {
    fn function(&self, name: &str) -> Option<Value> {
        let stand_in = self.functions.lock().get(name).map(Arc::clone)?;
        Some(Value::Object(stand_in))
    }

    fn plugin(&self, name: &str) -> Option<Value> {
        let stand_in = self.plugins.lock().get(name).map(Arc::clone)?;
        Some(Value::Object(stand_in))
    }
}

impl Mocks {
    fn of(scope: &Scope) -> VqlResult<Arc<Mocks>> {
        scope
            .extension::<Mocks>()
            .ok_or_else(|| "stand-ins exist only in tests (`peregrine golden`)".into())
    }

    /// The mock that `plugin` or `function` names.
    fn find(&self, plugin: Option<String>, function: Option<String>) -> VqlResult<(String, Arc<StandIn>)> {
        let (kind, name, known) = match (plugin, function) {
            (Some(name), None) => ("plugin", name, &self.plugins),
            (None, Some(name)) => ("function", name, &self.functions),
            _ => return Err("one of `plugin` and `function` is needed".into()),
        };
        let found = known.lock().get(&name).map(Arc::clone);
        let found = found.ok_or_else(|| format!("no mock of the {kind} `{name}`; set one with mock()"))?;
        Ok((name, found))
    }
}

/// Replaces a function or plugin, and remembers its arguments.
#[derive(Debug)]
struct StandIn {
    /// One entry per call, starting over after the last. For a plugin, an entry is an array of rows.
    answers: Vec<Value>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Number of calls so far; picks the answer.
    calls: usize,
    /// Number of calls since the last check.
    counted: i64,
    arguments: Vec<Value>,
}

/// Calls of a runaway loop are counted, but not all remembered.
const MAX_REMEMBERED: usize = 10_000;

impl StandIn {
    fn new(answers: Vec<Value>) -> Arc<StandIn> {
        Arc::new(StandIn {
            answers,
            seen: Mutex::default(),
        })
    }

    fn answer(&self, args: &CallArgs<'_>) -> Value {
        let arguments = Dict::from_pairs(args.iter().map(|arg| (arg.name().clone(), arg.any())));
        let mut seen = self.seen.lock();
        let answer = self.answers.get(seen.calls % self.answers.len().max(1));
        seen.calls += 1;
        seen.counted += 1;
        if seen.arguments.len() < MAX_REMEMBERED {
            seen.arguments.push(Value::Dict(arguments));
        }
        answer.cloned().unwrap_or_default()
    }
}

impl Object for StandIn {
    fn type_name(&self) -> &'static str {
        "mock"
    }

    fn member(&self, _: &Scope, _: &str) -> Option<Value> {
        None
    }

    fn member_names(&self) -> Vec<Str> {
        Vec::new()
    }

    fn call(&self, _: &Scope, args: &CallArgs<'_>) -> Option<VqlResult> {
        Some(Ok(self.answer(args)))
    }

    fn run(&self, _: &Scope, args: &CallArgs<'_>, rows: &mut dyn RowSink) -> Option<VqlResult<()>> {
        let answer = self.answer(args);
        let sent = answer
            .as_array()
            .unwrap_or_default()
            .iter()
            .try_for_each(|row| rows.push(Row::from(row.clone())));
        Some(sent.map_err(VqlError::from))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Replaces a function, plugin or artifact with given results.
#[derive(VqlArgs)]
struct MockArgs {
    /// The plugin to replace.
    plugin: Option<String>,
    /// The function to replace.
    function: Option<String>,
    /// The artifact to replace, as `Artifact.Name.Of.It`.
    artifact: Option<Value>,
    /// A dict or a list of dicts: the rows of every call. A list of lists: one list per call, starting over after the
    /// last. A function returns one element per call.
    results: Value,
}

struct Mock;

impl Function for Mock {
    type Args = MockArgs;
    const NAME: &'static str = "mock";
    const CATEGORY: Category = Category::Experimental;
    const EXAMPLES: &'static [Example] = &[not_run(
        "a process",
        "mock(plugin='pslist', results=[dict(Pid=1)])",
    )];

    fn call(scope: &Scope, args: MockArgs) -> VqlResult {
        let mocks = Mocks::of(scope)?;
        let results = match args.results.reduce(scope) {
            Value::Query(query) => query.to_array(scope),
            other => other,
        };
        let results: Vec<Value> = match results.as_array() {
            Some(results) => results
                .iter()
                .map(|result| result.clone().reduce(scope))
                .collect(),
            None => vec![results],
        };
        if results.is_empty() {
            return Err("`results` is empty; give at least one".into());
        }
        match (args.plugin, args.function, args.artifact) {
            (None, Some(name), None) => {
                mocks.functions.lock().insert(name, StandIn::new(results));
            }
            (Some(name), None, None) => {
                mocks.plugins.lock().insert(name, StandIn::new(by_call(results)));
            }
            (None, None, Some(artifact)) => {
                let path = artifact
                    .as_object::<Namespace>()
                    .map(Namespace::path)
                    .filter(|path| !path.is_empty())
                    .ok_or("`artifact` is not an artifact; write `artifact=Artifact.Name.Of.It`")?;
                let name = format!("Artifact.{path}");
                mocks.plugins.lock().insert(name, StandIn::new(by_call(results)));
            }
            _ => return Err("one of `plugin`, `function` and `artifact` is needed".into()),
        }
        Ok(Value::Null)
    }
}

/// Lists are the rows of successive calls; anything else is the rows of every call.
fn by_call(results: Vec<Value>) -> Vec<Value> {
    if results.iter().all(|result| result.as_array().is_some()) {
        results
    } else {
        vec![Value::array(results)]
    }
}

/// Checks whether a mock was called as often as expected, and if so starts counting again.
#[derive(VqlArgs)]
struct CheckArgs {
    /// A replaced plugin.
    plugin: Option<String>,
    /// A replaced function.
    function: Option<String>,
    /// How often it should have been called.
    #[arg(default = 0)]
    expected_calls: i64,
    /// Start counting again in any case.
    #[arg(default = false)]
    clear: bool,
}

struct MockCheck;

impl Function for MockCheck {
    type Args = CheckArgs;
    const NAME: &'static str = "mock_check";
    const CATEGORY: Category = Category::Experimental;
    const EXAMPLES: &'static [Example] = &[not_run("never", "mock_check(plugin='pslist', expected_calls=0)")];

    fn call(scope: &Scope, args: CheckArgs) -> VqlResult {
        let kind = if args.plugin.is_some() {
            "plugin"
        } else {
            "function"
        };
        let (name, stand_in) = Mocks::of(scope)?.find(args.plugin, args.function)?;
        let mut seen = stand_in.seen.lock();
        let (wanted, counted) = (args.expected_calls, seen.counted);
        if wanted == counted || args.clear {
            seen.counted = 0;
        }
        let verdict = if wanted == counted {
            "OK".to_owned()
        } else {
            format!("Mock {kind} {name} should be called {wanted} times but was called {counted} times")
        };
        Ok(Dict::from_pairs([("Error", verdict)]).into())
    }
}

/// Lists the arguments a mock was called with, one dict per call.
#[derive(VqlArgs)]
struct ReplayArgs {
    /// A replaced plugin.
    plugin: Option<String>,
    /// A replaced function.
    function: Option<String>,
    /// Log an error unless there were this many calls.
    expected_calls: Option<i64>,
    /// Forget the calls afterwards.
    #[arg(default = false)]
    clear: bool,
}

struct MockReplay;

impl Function for MockReplay {
    type Args = ReplayArgs;
    const NAME: &'static str = "mock_replay";
    const CATEGORY: Category = Category::Experimental;
    const EXAMPLES: &'static [Example] = &[not_run("what was asked", "mock_replay(plugin='glob')")];

    fn call(scope: &Scope, args: ReplayArgs) -> VqlResult {
        let (name, stand_in) = Mocks::of(scope)?.find(args.plugin, args.function)?;
        let mut seen = stand_in.seen.lock();
        let arguments = Value::array(seen.arguments.clone());
        let called = seen.arguments.len();
        if args.clear {
            seen.arguments.clear();
        }
        drop(seen);
        if let Some(wanted) = args.expected_calls
            && usize::try_from(wanted) != Ok(called)
        {
            let text =
                format!("mock_replay: {name} should be called {wanted} times but was called {called} times");
            scope.log(Level::Error, &text);
        }
        Ok(arguments)
    }
}

/// Forgets all calls, and the mocks of plugins and artifacts. Mocks of functions begin with their first answer again.
#[derive(VqlArgs)]
struct NoArgs {}

struct MockClear;

impl Function for MockClear {
    type Args = NoArgs;
    const NAME: &'static str = "mock_clear";
    const CATEGORY: Category = Category::Experimental;
    const EXAMPLES: &'static [Example] = &[not_run("all", "mock_clear()")];

    fn call(scope: &Scope, _: NoArgs) -> VqlResult {
        let mocks = Mocks::of(scope)?;
        mocks.plugins.lock().clear();
        for stand_in in mocks.functions.lock().values() {
            *stand_in.seen.lock() = Seen::default();
        }
        Ok(Value::Null)
    }
}

/// Lists the messages logged so far in this test.
#[derive(VqlArgs)]
struct ReadLogsArgs {}

#[derive(IntoRow)]
struct LogRow {
    /// `LEVEL:text`.
    log: String,
}

struct TestReadLogs;

impl Plugin for TestReadLogs {
    type Args = ReadLogsArgs;
    type Row = LogRow;
    const NAME: &'static str = "test_read_logs";
    const CATEGORY: Category = Category::Experimental;
    const EXAMPLES: &'static [Example] = &[not_run("all", "test_read_logs()")];

    fn run(scope: &Scope, _: ReadLogsArgs, rows: &mut Rows<'_, LogRow>) -> VqlResult<()> {
        let log = scope
            .extension::<MemoryLog>()
            .ok_or("messages are kept only in tests (`peregrine golden`)")?;
        for log in log.lines() {
            rows.push(LogRow { log })?;
        }
        Ok(())
    }
}
