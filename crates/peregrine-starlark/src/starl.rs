//! `starl()`: compiles Starlark.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use peregrine_engine::prelude::*;

use crate::module::Module;

/// Runs Starlark, a small Python, and gives its top-level names as members: variables as values, functions to be called
/// with named arguments. `LET M <= starl(code="def f(a, b): return a * b")`, then `M.f(a=6, b=7)`.
///
/// None is NULL; lists, tuples and sets are lists; dicts have keys of text. A float that is whole goes in as an int. There
/// are `json`, `struct`, `set`, `map`, `filter`, `partial`, and `print()` writes to the log; `load()` is not there. A
/// script may take about 256 MiB and 500 calls within each other, and stops with the query.
#[derive(VqlArgs)]
pub struct Args {
    /// The source text.
    code: String,
    /// A name: a later call with the same one gives the same module.
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
        fails("no Starlark", "starl(code='def')", "Parse error"),
        fails("an error", "starl(code='x = 1 // 0')", "division by zero"),
        fails(
            "wrong globals",
            "starl(code='x = 1', globals=5)",
            "`globals` is no dict but int64",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let known = scope.cache("starl", Modules::default);
        let key = args.key.filter(|key| !key.is_empty());
        {
            let mut known = known.0.lock();
            if !std::mem::replace(&mut known.has_warned, true) {
                scope.log_line("WARN:starl() is an experimental feature; its behaviour may change");
            }
            if let Some(module) = key.as_ref().and_then(|key| known.by_key.get(key)) {
                return Ok(Value::Object(Arc::clone(module) as Arc<dyn Object>));
            }
        }
        let globals = match args.globals {
            None | Some(Value::Null) => Dict::new(),
            Some(value) if value.has_members() => value.to_dict(scope),
            Some(other) => return Err(format!("`globals` is no dict but {}", other.type_name()).into()),
        };
        let module = Arc::new(Module::load(scope, args.code, globals)?);
        if let Some(key) = key {
            let mut known = known.0.lock();
            if known.by_key.len() < MAX_KEPT {
                known.by_key.insert(key, Arc::clone(&module));
            }
        }
        Ok(Value::Object(module))
    }
}

/// Modules kept by key in one query.
const MAX_KEPT: usize = 100;

#[derive(Default)]
struct Modules(Mutex<Known>);

#[derive(Default)]
struct Known {
    has_warned: bool,
    by_key: HashMap<String, Arc<Module>>,
}
