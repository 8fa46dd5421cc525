//! `starl()`: compiles Starlark.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use peregrine_engine::prelude::*;

use crate::module::{Interpreter, Module};

/// Runs Starlark, a small dialect of Python, and returns its top-level names as members: variables as values,
/// functions that are called with named arguments. `LET M <= starl(code="def f(a, b): return a * b")`, then
/// `M.f(a=6, b=7)`.
///
/// None is NULL; lists, tuples and sets are lists; keys of dicts are text. A whole float is passed in as an
/// int, and a string that is not UTF-8 as bytes, which are returned as a string. `json`, `struct`, `set`,
/// `map`, `filter` and `partial` are available, and `print()` writes to the log. `load("math.star", "math")`
/// loads a module; the only modules are `math.star`, `json.star` and `time.star`, in which a duration is a
/// number of nanoseconds and a time has `add()` and `sub()`.
///
/// Each module runs in a separate process, which ends with the query: a script that takes too much memory or
/// nests too deeply ends only that process, and its module then gives errors. A script's values may take 32
/// MiB, and calls may nest 500 deep; a query may have 64 modules at a time. Calls from several threads wait
/// for each other. `cpu_limit` does not include the CPU time of a script; its process has a low priority
/// instead.
#[derive(VqlArgs)]
pub struct Args {
    /// The source text.
    code: String,
    /// A name: later calls with the same name return the same module.
    key: Option<String>,
    /// A dict whose members the script sees as global names.
    globals: Option<Value>,
}

pub struct Starl;

impl Function for Starl {
    type Args = Args;
    const NAME: &'static str = "starl";
    const CATEGORY: Category = Category::Parsers;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a function",
            r"starl(code='def f(a, b): return a * b\nx = f(a=6, b=7)').x",
            "42",
        ),
        example(
            "a variable, and names given",
            "starl(code='x = [n * factor for n in (1, 2)]', globals=dict(factor=10)).x",
            "[10,20]",
        ),
        example(
            "a module",
            r#"starl(code='load("math.star", "math")\nx = math.floor(math.sqrt(50))').x"#,
            "7",
        ),
        fails("no Starlark", "starl(code='def')", "Parse error"),
        fails("an error", "starl(code='x = 1 // 0')", "division by zero"),
        fails(
            "wrong globals",
            "starl(code='x = 1', globals=5)",
            "`globals` is not a dict but int64",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let known = scope.cache("starl", Modules::default);
        known.begin(scope);
        let key = args.key.filter(|key| !key.is_empty());
        if let Some(module) = key.as_deref().and_then(|key| known.get(key)) {
            return Ok(Value::Object(module));
        }
        let globals = match args.globals {
            None | Some(Value::Null) => Dict::new(),
            Some(value) if value.has_members() => value.to_dict(scope),
            Some(other) => return Err(format!("`globals` is not a dict but {}", other.type_name()).into()),
        };
        known.make_room()?;
        let module = Arc::new(Module::load(scope, args.code, &globals)?);
        Ok(Value::Object(known.keep(key, module)))
    }
}

/// Maximum number of living modules of one query: each is a process.
const MAX_LIVING: usize = 64;

/// The modules of a query.
#[derive(Default)]
struct Modules(Mutex<LivingModules>);

#[derive(Default)]
struct LivingModules {
    has_warned: bool,
    by_key: HashMap<String, Arc<Module>>,
    living: Vec<Weak<Interpreter>>,
}

impl Modules {
    /// Registers the cleanup, once, so that nothing outlives the query.
    fn begin(self: &Arc<Self>, scope: &Scope) {
        if std::mem::replace(&mut self.0.lock().has_warned, true) {
            return;
        }
        scope.log_line("WARN:starl() is an experimental feature; its behaviour may change");
        let modules = Arc::downgrade(self);
        scope.at_close(Box::new(move |_| {
            if let Some(modules) = modules.upgrade() {
                modules.end();
            }
        }));
    }

    /// The module of this key, unless its process has died.
    fn get(&self, key: &str) -> Option<Arc<Module>> {
        let known = self.0.lock();
        let module = known.by_key.get(key)?;
        module.interpreter().is_running().then(|| Arc::clone(module))
    }

    fn make_room(&self) -> Result<(), String> {
        let mut known = self.0.lock();
        known.living.retain(|interpreter| {
            interpreter
                .upgrade()
                .is_some_and(|interpreter| interpreter.is_running())
        });
        if known.living.len() >= MAX_LIVING {
            return Err(format!(
                "this query has {MAX_LIVING} modules already; share them by `key`"
            ));
        }
        Ok(())
    }

    /// Stores a module; if another thread has stored one with the same key meanwhile, that one is returned.
    fn keep(&self, key: Option<String>, module: Arc<Module>) -> Arc<Module> {
        let mut known = self.0.lock();
        if let Some(key) = key {
            if let Some(other) = known
                .by_key
                .get(&key)
                .filter(|other| other.interpreter().is_running())
            {
                return Arc::clone(other);
            }
            known.by_key.insert(key, Arc::clone(&module));
        }
        known.living.push(Arc::downgrade(module.interpreter()));
        module
    }

    fn end(&self) {
        let (by_key, living) = {
            let mut known = self.0.lock();
            (
                std::mem::take(&mut known.by_key),
                std::mem::take(&mut known.living),
            )
        };
        drop(by_key);
        living
            .iter()
            .filter_map(Weak::upgrade)
            .for_each(|interpreter| interpreter.end());
    }
}
