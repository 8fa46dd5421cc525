//! Calls in expressions.

use std::sync::atomic::Ordering;

use super::expr::{eval, members, negate, not_found};
use super::lets::LetQuery;
use super::node::{ArgsNode, CallNode};
use crate::call::{ArgValue, CallArgs, FunctionDef, FunctionKind, OnError, Platforms, VqlError, VqlResult};
use crate::memory;
use crate::query::Query;
use crate::scope::Scope;
use crate::value::{Str, Value};

pub(crate) fn eval_call(call: &CallNode, scope: &Scope) -> Value {
    let name = call.symbol.text.trim_start_matches('-');
    if scope.context().disabled.function(name) {
        log_once(scope, &format!("Call to function {name} disabled"));
        return Value::Null;
    }
    let value = match (stand_in(call, scope), function_of(call, scope)) {
        (Some(callee), _) => call_value(&callee, call, scope),
        (None, Some(def)) => call_function(def, call, scope),
        (None, None) => call_variable(call, scope),
    };
    if call.symbol.negated { negate(value) } else { value }
}

/// The replacement a test has set for the function.
fn stand_in(call: &CallNode, scope: &Scope) -> Option<Value> {
    let stand_ins = scope.context().stand_ins.as_ref()?;
    stand_ins.function(&call.symbol.text)
}

/// The builtin function of this name; builtins take precedence over variables.
fn function_of(call: &CallNode, scope: &Scope) -> Option<&'static FunctionDef> {
    if !call.symbol.members.is_empty() {
        return None;
    }
    let registry = scope.context().registry();
    let find = || registry.function(&call.symbol.name.as_utf8_lossy());
    let (id, known) = *call.function.get_or_init(|| (registry.id(), find()));
    if id == registry.id() { known } else { find() }
}

fn call_function(def: &'static FunctionDef, call: &CallNode, scope: &Scope) -> Value {
    scope.0.root.stats.functions.fetch_add(1, Ordering::Relaxed);
    if let Some(value) = refused(def, scope) {
        return value;
    }
    let args = match call_args(&call.args, scope, def.name) {
        Ok(args) => args,
        Err(value) => return value,
    };
    run_function(def, call.site, scope, &args)
}

/// Calls a builtin with these arguments; failures are messages.
pub(crate) fn run_function(def: &FunctionDef, site: u64, scope: &Scope, args: &CallArgs<'_>) -> Value {
    let result = match def.kind {
        FunctionKind::Plain(function) => function(args),
        FunctionKind::Aggregate(update) => {
            let aggregates = &scope.0.aggregates;
            let mut state = aggregates.take(site);
            let result = update(&mut state, args);
            aggregates.put(site, state);
            result
        }
    };
    outcome(def, scope, result)
}

/// The value of a call; on failure it logs a message and gives the function's failure value.
pub(super) fn outcome(def: &FunctionDef, scope: &Scope, result: VqlResult) -> Value {
    match result {
        Ok(value) => counted(value.reduce(scope)),
        Err(error) => {
            report(scope, def.name, error);
            if def.on_error == OnError::False {
                Value::Bool(false)
            } else {
                Value::Null
            }
        }
    }
}

/// Passes a new value through. After a large one, memory is checked before the next is built.
pub(super) fn counted(value: Value) -> Value {
    /// Bytes of a text, or items of a list.
    const LARGE: usize = 16 << 10;
    let size = match &value {
        Value::Str(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    };
    if size >= LARGE {
        // If it was too much, the next checkpoint ends the query.
        let _ = memory::is_exhausted();
    }
    value
}

/// The builtin a call reaches, if it needs only its arguments and is not forbidden.
pub(super) fn pure_function(call: &CallNode, scope: &Scope) -> Option<&'static FunctionDef> {
    let context = scope.context();
    let def = function_of(call, scope).filter(|def| def.is_pure && context.stand_ins.is_none())?;
    let exists = def.platforms.contains(Platforms::current())
        && context.access().function_allowed(def.name)
        && !context.disabled.function(def.name);
    exists.then_some(def)
}

/// Logs why a function or plugin failed.
pub(crate) fn report(scope: &Scope, name: &str, error: VqlError) {
    match error {
        VqlError::Stopped => {}
        VqlError::Message(text) => match crate::log::Level::split(&text) {
            // Data to be kept was lost, so the collection must not appear complete.
            (crate::log::Level::Default, text) if is_no_room(text) => {
                scope.log(crate::log::Level::Error, &format!("{name}: {text}"));
            }
            (crate::log::Level::Default, text) => scope.log_line(&format!("{name}: {text}")),
            (level, text) => scope.log(level, &format!("{name}: {text}")),
        },
        VqlError::Arg(error) => {
            if scope.0.explain {
                scope.log_line(&format!(
                    "DEBUG:  arg parsing: error {error} while parsing the arguments of {name}"
                ));
            }
            scope.log_line(&format!("{name}: {error}"));
        }
    }
}

/// Whether a disk or a quota was full: the system's messages end with the error number.
fn is_no_room(text: &str) -> bool {
    ["(os error 28)", "(os error 122)"]
        .iter()
        .any(|end| text.contains(end))
}

/// Logs a message and gives a value when the function does not exist here or is blocked.
fn refused(def: &FunctionDef, scope: &Scope) -> Option<Value> {
    let name = def.name;
    if !def.platforms.contains(Platforms::current()) {
        let here = format!("{}_{}", std::env::consts::OS, std::env::consts::ARCH);
        let platforms = def.platforms.names().join(", ");
        log_once(
            scope,
            &format!(
                "VQL Function {name}() is not implemented for this architecture ({here}). It is only available for \
                 the following platforms [{platforms}]"
            ),
        );
        return Some(Value::Null);
    }
    if !scope.context().access().function_allowed(name) {
        scope.log_line(&format!(
            "ERROR:VQL Function {name}() has been blocked in the configuration. Please update the configuration file \
             to allow it."
        ));
        return Some(Value::Null);
    }
    None
}

/// Logs a message once per query.
pub(crate) fn log_once(scope: &Scope, text: &str) {
    use std::sync::atomic::AtomicBool;
    let logged = scope.cache(&format!("log once: {text}"), || AtomicBool::new(false));
    if !logged.swap(true, Ordering::Relaxed) {
        scope.log_line(text);
    }
}

/// The arguments as the callee receives them: `[…]` evaluated, `**` expanded.
pub(crate) fn call_args<'a>(args: &'a ArgsNode, scope: &'a Scope, name: &str) -> Result<CallArgs<'a>, Value> {
    if args.expands {
        let all = CallArgs::new(scope, &args.args);
        return match all.get("**") {
            Some(Value::Dict(dict)) => Ok(CallArgs::from_dict(scope, &dict)),
            Some(other) => {
                scope.log_line(&format!(
                    "{name}: the argument ** should be a dict not {}",
                    other.type_name()
                ));
                Err(Value::Null)
            }
            None => Ok(all),
        };
    }
    if args.eager.is_empty() {
        return Ok(CallArgs::new(scope, &args.args));
    }
    Ok(CallArgs::owned(scope, with_eager(args, scope)))
}

fn with_eager(args: &ArgsNode, scope: &Scope) -> Vec<(Str, ArgValue)> {
    let mut given = args.args.to_vec();
    for (position, node) in &args.eager {
        given[*position].1 = ArgValue::Value(eval(node, scope));
    }
    given
}

fn call_variable(call: &CallNode, scope: &Scope) -> Value {
    let symbol = &call.symbol;
    let Some(first) = scope.lookup(&symbol.name, &symbol.cache) else {
        not_found(symbol, scope);
        return Value::Null;
    };
    // A lazy expression is called rather than evaluated first, unless one of its members is the callee.
    let callee = if symbol.members.is_empty() {
        first
    } else {
        match members(first.reduce(scope), &symbol.members, scope) {
            Some(value) => value,
            None => return Value::Null,
        }
    };
    call_value(&callee, call, scope)
}

fn call_value(callee: &Value, call: &CallNode, scope: &Scope) -> Value {
    let symbol = &call.symbol;
    let given = with_eager(&call.args, scope);
    let args = CallArgs::new(scope, &given);
    let called: Option<VqlResult> = match callee {
        Value::Lazy(lazy) => Some(Ok(lazy.call(scope, &args))),
        Value::Query(query) if !args.is_empty() => let_query(query).map(|query| Ok(query.bind(scope, &args))),
        Value::Object(object) => object.call(scope, &args),
        _ => None,
    };
    match called {
        Some(Ok(value)) => value.reduce(scope),
        Some(Err(error)) => {
            report(scope, &symbol.text, error);
            Value::Null
        }
        None => {
            let text = &symbol.text;
            if let Some(end) = scope.end_of_message(symbol.site) {
                scope.log_line(&format!(
                    "ERROR:Symbol {text} is not a function but it is being called.{end}"
                ));
            }
            Value::Null
        }
    }
}

/// The stored query behind a query value.
pub(crate) fn let_query(query: &Query) -> Option<&LetQuery> {
    query.0.as_any()?.downcast_ref()
}
