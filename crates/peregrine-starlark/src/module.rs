//! A script that has run, and its functions.

use std::any::Any;
use std::thread;

use peregrine_engine::prelude::*;
use starlark::environment::{FrozenModule, Globals, LibraryExtension, Module as Environment};
use starlark::eval::Evaluator;
use starlark::syntax::{AstModule, Dialect};
use starlark::values::{OwnedFrozenValue, Value as StarValue};

use crate::convert::{from_star, is_function, to_star};
use crate::nesting;

/// Bytes of values a script may make.
const MAX_HEAP: usize = 32 << 20;
/// Calls and turns of loops in one go.
const MAX_STEPS: u64 = 1_000_000_000;
/// Calls within each other.
const MAX_CALLS: usize = 500;
/// Virtual memory until it is used: the interpreter recurses on the native stack.
const STACK: usize = 1 << 30;

/// The names of a script.
pub(crate) struct Module {
    module: FrozenModule,
}

impl Module {
    /// Runs a script.
    pub(crate) fn load(scope: &Scope, code: String, globals: Dict) -> VqlResult<Module> {
        nesting::check(&code)?;
        let module = apart(scope, || {
            let dialect = Dialect {
                enable_load: false,
                enable_top_level_stmt: true,
                enable_keyword_only_arguments: true,
                enable_f_strings: true,
                ..Dialect::Standard
            };
            let script = AstModule::parse("starl", code, &dialect).map_err(|error| error.to_string())?;
            Environment::with_temp_heap(|environment| {
                for (name, value) in globals.entries() {
                    let value = to_star(environment.heap(), scope, &value);
                    environment.set(&name.to_string(), value);
                }
                evaluate(scope, &environment, |evaluator| {
                    evaluator.eval_module(script, &library())
                })?;
                environment.freeze().map_err(|error| format!("{error:?}"))
            })
        })?;
        Ok(Module { module })
    }
}

fn library() -> Globals {
    use LibraryExtension as Library;
    Globals::extended_by(&[
        Library::StructType,
        Library::SetType,
        Library::Map,
        Library::Filter,
        Library::Partial,
        Library::Json,
        Library::Print,
    ])
}

/// Runs something with all the limits.
fn evaluate<'v, T>(
    scope: &Scope,
    environment: &Environment<'v>,
    work: impl FnOnce(&mut Evaluator<'v, '_, '_>) -> starlark::Result<T>,
) -> Result<T, String> {
    let printer = Printer(scope);
    let mut evaluator = Evaluator::new(environment);
    evaluator.set_print_handler(&printer);
    evaluator.set_check_cancelled(Box::new(|| {
        scope.cancellation().is_cancelled() || scope.checkpoint().is_err()
    }));
    let limited = evaluator
        .set_max_heap_size(MAX_HEAP)
        .and_then(|()| evaluator.set_max_tick_count(MAX_STEPS))
        .and_then(|()| evaluator.set_max_callstack_size(MAX_CALLS));
    limited.map_err(|error| error.to_string())?;
    work(&mut evaluator).map_err(|error| error.to_string())
}

/// Does something on a thread with a large stack.
fn apart<T: Send>(scope: &Scope, work: impl FnOnce() -> Result<T, String> + Send) -> VqlResult<T> {
    let result = thread::scope(|threads| {
        let worker = thread::Builder::new()
            .name("vql-starl".to_owned())
            .stack_size(STACK)
            .spawn_scoped(threads, work)
            .map_err(|error| format!("cannot start a thread: {error}"))?;
        worker
            .join()
            .unwrap_or_else(|_| Err("the interpreter failed".to_owned()))
    });
    match result {
        Ok(value) => Ok(value),
        Err(_) if scope.cancellation().is_cancelled() => Err(VqlError::Stopped),
        Err(error) => Err(error.into()),
    }
}

/// `print()` writes to the log.
struct Printer<'a>(&'a Scope);

impl starlark::PrintHandler for Printer<'_> {
    fn println(&self, text: &str) -> starlark::Result<()> {
        self.0.log(Level::Default, text);
        Ok(())
    }
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Module").finish_non_exhaustive()
    }
}

impl Object for Module {
    fn type_name(&self) -> &'static str {
        "starlark module"
    }

    fn member(&self, scope: &Scope, name: &str) -> Option<Value> {
        let owned = self.module.get_option(name).ok()??;
        if is_function(owned.value()) {
            return Some(Value::object(Callable {
                name: name.to_owned(),
                function: owned,
            }));
        }
        let value = Environment::with_temp_heap(|environment| {
            let heap = environment.heap();
            from_star(heap, heap.access_owned_frozen_value(&owned))
        });
        match value {
            Ok(value) => Some(value),
            Err(error) => {
                scope.log_line(&format!("starl: `{name}`: {error}"));
                Some(Value::Null)
            }
        }
    }

    fn member_names(&self) -> Vec<Str> {
        self.module.names().map(|name| Str::from(name.as_str())).collect()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A function of a script.
struct Callable {
    name: String,
    function: OwnedFrozenValue,
}

impl Callable {
    fn invoke(&self, scope: &Scope, args: Vec<(String, Value)>) -> VqlResult {
        apart(scope, || {
            Environment::with_temp_heap(|environment| {
                let heap = environment.heap();
                let function = heap.access_owned_frozen_value(&self.function);
                let named: Vec<(&str, StarValue<'_>)> = args
                    .iter()
                    .map(|(name, value)| (&**name, to_star(heap, scope, value)))
                    .collect();
                let result = evaluate(scope, &environment, |evaluator| {
                    evaluator.eval_function(function, &[], &named)
                })?;
                from_star(heap, result)
            })
        })
    }
}

impl std::fmt::Debug for Callable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Callable").field(&self.name).finish()
    }
}

impl Object for Callable {
    fn type_name(&self) -> &'static str {
        "starlark function"
    }

    fn member(&self, _: &Scope, _: &str) -> Option<Value> {
        None
    }

    fn member_names(&self) -> Vec<Str> {
        Vec::new()
    }

    fn to_text(&self) -> Option<Str> {
        Some(Str::from(format!("function {}", self.name)))
    }

    fn to_json(&self, _: &Scope) -> Option<Value> {
        Some(Value::from(format!("function {}", self.name)))
    }

    fn call(&self, scope: &Scope, args: &CallArgs<'_>) -> Option<VqlResult> {
        let args = args
            .iter()
            .map(|arg| (arg.name().to_string(), arg.any()))
            .collect();
        Some(self.invoke(scope, args))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
