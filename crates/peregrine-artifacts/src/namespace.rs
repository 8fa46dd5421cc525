//! `Artifact`, the variable through which VQL calls artifacts: `SELECT * FROM Artifact.Linux.Sys.Pslist()`.

use crate::compile::{CompiledRequest, Options, Tools, compile_artifact};
use crate::error::Error;
use crate::launch::Spec;
use crate::model::Artifact;
use crate::repository::Repository;
use crate::run::{Outcome, Plan};
use parking_lot::Mutex;
use peregrine_engine::call::{CallArgs, VqlError, VqlResult};
use peregrine_engine::log::Level;
use peregrine_engine::parallel;
use peregrine_engine::value::{Columns, Object};
use peregrine_engine::{Dict, Row, RowSink, Scope, Stop, Str, Value};
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

/// Maximum nesting of artifact calls.
const MAX_NESTING: usize = 10;
/// The variable that holds the names of the artifacts being called.
const STACK: &str = "$artifact_stack";
/// The last column of every row of a called artifact.
const SOURCE_COLUMN: &str = "_Source";

/// Refuses artifacts the query may not run.
pub type AccessCheck = dyn Fn(&Scope, &Artifact) -> Result<(), Error> + Send + Sync;

/// The value of the variable `Artifact`. Put it into the root scope: `env.set("Artifact", namespace.into_value())`.
#[derive(Clone)]
pub struct Namespace {
    shared: Arc<NamespaceParts>,
    /// The dotted name so far.
    path: String,
}

struct NamespaceParts {
    repository: Repository,
    access: Option<Box<AccessCheck>>,
    tools: Option<Box<dyn Tools + Send + Sync>>,
    plans: Mutex<Plans>,
}

/// Compiled calls, valid as long as the repository does not change.
#[derive(Default)]
struct Plans {
    repository_changes: u64,
    known: HashMap<CallKey, Arc<Call>>,
}

/// Artifact, source, with preconditions.
type CallKey = (String, Option<String>, bool);

/// A call ready to run.
struct Call {
    artifact: Arc<Artifact>,
    plans: Vec<Plan>,
}

impl Namespace {
    /// A namespace that looks artifacts up in `repository`.
    #[must_use]
    pub fn new(repository: Repository) -> Namespace {
        Namespace::with(repository, None, None)
    }

    /// Like [`Namespace::new`], with a check of every called artifact and a source of tools.
    #[must_use]
    pub fn with(
        repository: Repository,
        access: Option<Box<AccessCheck>>,
        tools: Option<Box<dyn Tools + Send + Sync>>,
    ) -> Namespace {
        let shared = NamespaceParts {
            repository,
            access,
            tools,
            plans: Mutex::default(),
        };
        Namespace {
            shared: Arc::new(shared),
            path: String::new(),
        }
    }

    /// The namespace for a request received by an agent: it sees only the definitions that came with the
    /// request.
    pub fn of_request(request: &CompiledRequest) -> Result<Namespace, Error> {
        let repository = Repository::empty();
        for definition in &request.artifacts {
            repository.insert(definition.try_into()?)?;
        }
        Ok(Namespace::new(repository))
    }

    /// The namespace as a VQL value.
    #[must_use]
    pub fn into_value(self) -> Value {
        Value::object(self)
    }

    /// The dotted name of the artifact it represents; empty for `Artifact` itself.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The definitions behind the variable `Artifact` of a scope.
    #[must_use]
    pub fn repository_of(scope: &Scope) -> Option<Repository> {
        let value = scope.get("Artifact")?;
        value
            .as_object::<Namespace>()
            .map(|namespace| namespace.shared.repository.clone())
    }

    fn call(&self, scope: &Scope, args: &CallArgs<'_>, rows: &mut dyn RowSink) -> VqlResult<()> {
        let given = given_arguments(args);
        let stack = self.enter(scope)?;
        let call = self.prepare(scope, &given)?;
        if let Some(check) = &self.shared.access {
            check(scope, &call.artifact).map_err(|error| error.to_string())?;
        }
        let unknown =
            |name: &&Str| !is_option(name) && call.artifact.parameter(&name.as_utf8_lossy()).is_none();
        if let Some(name) = given.iter().map(|(name, _)| name).find(unknown) {
            return Err(format!("Unknown parameter {name} provided to artifact {}", self.path).into());
        }
        let scope = scope.child_with(Dict::from_pairs([(STACK, stack)]));
        if call.artifact.kind.is_event() && call.plans.len() > 1 {
            return run_at_once(&call, &scope, &given, rows);
        }
        for plan in &call.plans {
            let mut sources = SourceRows::new(rows);
            let outcome = plan.run(
                &scope,
                &variables(plan, &given),
                &mut |_: usize, name: &str, row: Row| sources.push(name, row),
            );
            if outcome == Outcome::Stopped {
                return Err(VqlError::Stopped);
            }
        }
        Ok(())
    }

    /// The names of the artifacts being called, with ours on top.
    fn enter(&self, scope: &Scope) -> VqlResult<Value> {
        let mut stack = scope
            .get(STACK)
            .and_then(|stack| stack.as_array().map(<[Value]>::to_vec))
            .unwrap_or_default();
        stack.push(Value::str(self.path.as_str()));
        if stack.len() > MAX_NESTING {
            let names: Vec<String> = stack.iter().map(|name| name.to_text(scope).to_string()).collect();
            let message = format!(
                "Stack overflow: artifacts call each other too deep: {}",
                names.join(" -> ")
            );
            scope.log(Level::Error, &message);
            return Err(VqlError::Message(message));
        }
        Ok(Value::array(stack))
    }

    /// The compiled call, from the cache when definitions have not changed.
    fn prepare(&self, scope: &Scope, given: &[(Str, Value)]) -> VqlResult<Arc<Call>> {
        let option = |wanted: &str| {
            given
                .iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value)
        };
        let source = match option("source") {
            None | Some(Value::Null) => None,
            Some(Value::Str(source)) => Some(source.to_string()),
            Some(_) => return Err("source must be a string".into()),
        };
        let preconditions = option("preconditions").is_some_and(|value| value.truth(scope));
        let key = (self.path.clone(), source, preconditions);
        let changes = self.shared.repository.changes();
        {
            let mut plans = self.shared.plans.lock();
            if plans.repository_changes != changes {
                *plans = Plans {
                    repository_changes: changes,
                    known: HashMap::new(),
                };
            }
            if let Some(call) = plans.known.get(&key) {
                return Ok(call.clone());
            }
        }
        let call = Arc::new(self.compile(&key).map_err(|error| error.to_string())?);
        self.shared.plans.lock().known.insert(key, call.clone());
        Ok(call)
    }

    fn compile(&self, (name, source, preconditions): &CallKey) -> Result<Call, Error> {
        let repository = &self.shared.repository;
        let artifact = match source {
            None => repository.resolve(name)?,
            Some(source) => repository.resolve(&format!("{name}/{source}"))?,
        };
        let options = Options {
            tools: self.shared.tools.as_deref().map(|tools| tools as &dyn Tools),
            without_preconditions: !preconditions,
            without_dependencies: true,
            ..Options::default()
        };
        let requests = compile_artifact(repository, &artifact, &Spec::default(), &options)?;
        let plans = requests.iter().map(Plan::new).collect::<Result<_, _>>()?;
        Ok(Call { artifact, plans })
    }
}

/// The arguments with their values; `**` replaces all of them.
fn given_arguments(args: &CallArgs<'_>) -> Vec<(Str, Value)> {
    match args.get("**") {
        Some(Value::Dict(all)) => all.entries(),
        _ => args.iter().map(|arg| (arg.name().clone(), arg.value())).collect(),
    }
}

/// Arguments every artifact takes.
fn is_option(name: &Str) -> bool {
    name == "source" || name == "preconditions"
}

/// Defaults overlaid with the caller's values, which keep their types.
fn variables(plan: &Plan, given: &[(Str, Value)]) -> Dict {
    let variables = plan.variables();
    for (name, value) in given.iter().filter(|(name, _)| !is_option(name)) {
        variables.set(name.clone(), value.clone());
    }
    variables
}

/// Event sources never end, so all run in parallel; their rows come as they happen.
fn run_at_once(call: &Call, scope: &Scope, given: &[(Str, Value)], rows: &mut dyn RowSink) -> VqlResult<()> {
    let tasks = call.plans.iter().map(|plan| {
        let variables = variables(plan, given);
        move |scope: &Scope, rows: &mut dyn RowSink| {
            let mut sources = SourceRows::new(rows);
            let mut push = |_: usize, name: &str, row: Row| sources.push(name, row);
            // Stopped by the consumer or by a cancellation; `at_once` tells the caller.
            let _ = plan.run(scope, &variables, &mut push);
        }
    });
    parallel::at_once(scope, tasks, rows)
}

/// Passes on rows with the name of their source.
struct SourceRows<'a> {
    rows: &'a mut dyn RowSink,
    /// The columns of the last row, without and with `_Source`: most rows have the same ones.
    columns: Option<(u32, Arc<Columns>)>,
}

impl<'a> SourceRows<'a> {
    fn new(rows: &'a mut dyn RowSink) -> SourceRows<'a> {
        SourceRows { rows, columns: None }
    }

    fn push(&mut self, name: &str, row: Row) -> Result<(), Stop> {
        let own = row.columns();
        if row.as_value().is_some() || own.position(SOURCE_COLUMN.as_bytes()).is_some() {
            return self.rows.push(with_source(name, row));
        }
        let columns = match &self.columns {
            Some((id, columns)) if *id == own.id() => columns.clone(),
            _ => {
                let names = own.names().iter().cloned().chain([Str::from(SOURCE_COLUMN)]);
                let columns = Columns::new(names);
                self.columns = Some((own.id(), columns.clone()));
                columns
            }
        };
        let mut values = row.values();
        values.push(Value::str(name));
        self.rows.push(Row::new(&columns, values))
    }
}

/// A copy of the row as a dict whose last entry is the source.
fn with_source(name: &str, row: Row) -> Row {
    let dict = row.to_dict().copy();
    dict.set(SOURCE_COLUMN, Value::str(name));
    Row::from(Value::Dict(dict))
}

impl Object for Namespace {
    fn type_name(&self) -> &'static str {
        "Artifact"
    }

    fn member(&self, _: &Scope, name: &str) -> Option<Value> {
        let path = if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        };
        Some(Value::object(Namespace {
            shared: self.shared.clone(),
            path,
        }))
    }

    fn member_names(&self) -> Vec<Str> {
        Vec::new()
    }

    fn run(&self, scope: &Scope, args: &CallArgs<'_>, rows: &mut dyn RowSink) -> Option<VqlResult<()>> {
        (!self.path.is_empty()).then(|| self.call(scope, args, rows))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl std::fmt::Debug for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Artifact").field(&self.path).finish()
    }
}
