//! Runs scripts and calls their functions.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use peregrine_engine::prelude::{Dict, Value};
use starlark::environment::{FrozenModule, Globals, LibraryExtension, Module as Environment};
use starlark::eval::Evaluator;
use starlark::syntax::{AstModule, Dialect};
use starlark::values::Value as StarValue;

use super::convert::{from_star, is_function, to_star};
use super::library::Library;
use super::{WorkerFlags, nesting};
use crate::message::{Answer, Request};

/// Maximum bytes of values that a script may make.
const MAX_HEAP: usize = 32 << 20;
/// Maximum calls and loop iterations of one request.
const MAX_STEPS: u64 = 1_000_000_000;
/// Maximum nesting of calls.
const MAX_CALLS: usize = 500;
/// Maximum length of a printed line in bytes.
const MAX_LINE: usize = 64 << 10;

/// Answers requests until there are no more.
pub(super) fn work(queue: &Receiver<Request>, shared: &WorkerFlags) {
    let mut module = None;
    for request in queue {
        // A panic of the interpreter is an error of the script, if it can be caught.
        let outcome = catch_unwind(AssertUnwindSafe(|| perform(&mut module, request, shared)));
        let answer = match outcome {
            Ok(Ok(value)) => Answer::Done(value),
            Ok(Err(error)) => Answer::Failed(error),
            Err(_) => Answer::Failed("the interpreter failed".to_owned()),
        };
        let frame = answer
            .to_frame()
            .or_else(|error| Answer::Failed(error).to_frame());
        shared.is_busy.store(false, Ordering::Release);
        if !frame.is_ok_and(|frame| say(&frame)) {
            return;
        }
    }
}

/// False if nobody receives it.
fn say(frame: &[u8]) -> bool {
    let mut output = std::io::stdout().lock();
    output.write_all(frame).and_then(|()| output.flush()).is_ok()
}

fn perform(
    module: &mut Option<FrozenModule>,
    request: Request,
    shared: &WorkerFlags,
) -> Result<Value, String> {
    match request {
        Request::Load { code, globals } => {
            let loaded = module.insert(load(code, &globals, shared)?);
            let names = Dict::new();
            for name in loaded.names() {
                if let Ok(Some(owned)) = loaded.get_option(&name) {
                    names.set(name.as_str(), is_function(owned.value()));
                }
            }
            Ok(Value::Dict(names))
        }
        Request::Get(name) => get(module, &name),
        Request::Call { name, args } => call(module, &name, &args, shared),
        Request::Stop => Ok(Value::Null),
    }
}

fn load(code: String, globals: &Dict, shared: &WorkerFlags) -> Result<FrozenModule, String> {
    nesting::check(&code)?;
    let dialect = Dialect {
        enable_load: true,
        enable_top_level_stmt: true,
        enable_keyword_only_arguments: true,
        enable_f_strings: true,
        ..Dialect::Standard
    };
    let script = AstModule::parse("starl", code, &dialect).map_err(|error| error.to_string())?;
    Environment::with_temp_heap(|environment| {
        for (name, value) in globals.entries() {
            let value = to_star(environment.heap(), &value);
            environment.set(&name.to_string(), value);
        }
        evaluate(shared, &environment, |evaluator| {
            evaluator.eval_module(script, &library())
        })?;
        environment.freeze().map_err(|error| format!("{error:?}"))
    })
}

fn get(module: &Option<FrozenModule>, name: &str) -> Result<Value, String> {
    let owned = member(module, name)?;
    Environment::with_temp_heap(|environment| {
        let heap = environment.heap();
        from_star(heap, heap.access_owned_frozen_value(&owned))
    })
}

fn call(
    module: &Option<FrozenModule>,
    name: &str,
    args: &Dict,
    shared: &WorkerFlags,
) -> Result<Value, String> {
    let owned = member(module, name)?;
    Environment::with_temp_heap(|environment| {
        let heap = environment.heap();
        let function = heap.access_owned_frozen_value(&owned);
        let args: Vec<(String, StarValue<'_>)> = args
            .entries()
            .into_iter()
            .map(|(name, value)| (name.to_string(), to_star(heap, &value)))
            .collect();
        let named: Vec<(&str, StarValue<'_>)> = args.iter().map(|(name, value)| (&**name, *value)).collect();
        let result = evaluate(shared, &environment, |evaluator| {
            evaluator.eval_function(function, &[], &named)
        })?;
        from_star(heap, result)
    })
}

fn member(module: &Option<FrozenModule>, name: &str) -> Result<starlark::values::OwnedFrozenValue, String> {
    let module = module.as_ref().ok_or("no script has run")?;
    let found = module.get_option(name).map_err(|error| error.to_string())?;
    found.ok_or_else(|| format!("the script has no `{name}`"))
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

/// Evaluates with all the limits.
fn evaluate<'v, T>(
    shared: &WorkerFlags,
    environment: &Environment<'v>,
    work: impl FnOnce(&mut Evaluator<'v, '_, '_>) -> starlark::Result<T>,
) -> Result<T, String> {
    let mut evaluator = Evaluator::new(environment);
    evaluator.set_print_handler(&Printer);
    evaluator.set_loader(&Library);
    evaluator.set_check_cancelled(Box::new(|| shared.is_stopped.load(Ordering::Acquire)));
    let limited = evaluator
        .set_max_heap_size(MAX_HEAP)
        .and_then(|()| evaluator.set_max_tick_count(MAX_STEPS))
        .and_then(|()| evaluator.set_max_callstack_size(MAX_CALLS));
    limited.map_err(|error| error.to_string())?;
    work(&mut evaluator).map_err(|error| error.to_string())
}

/// Sends `print()` output to the query.
struct Printer;

impl starlark::PrintHandler for Printer {
    fn println(&self, text: &str) -> starlark::Result<()> {
        let end = text.floor_char_boundary(MAX_LINE);
        let line = text.get(..end).unwrap_or_default().to_owned();
        if Answer::Printed(line).to_frame().is_ok_and(|frame| say(&frame)) {
            Ok(())
        } else {
            Err(starlark::Error::new_other(std::io::Error::other(
                "nobody listens",
            )))
        }
    }
}
