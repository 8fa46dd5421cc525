//! A JavaScript machine: a thread that executes requests.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use parking_lot::Mutex;
use peregrine_engine::prelude::*;
use rquickjs::context::EvalOptions;
use rquickjs::function::Args;
use rquickjs::{
    CatchResultExt, CaughtError, Context, Ctx, Function as JsFunction, Runtime, Value as JsValue,
};

use crate::convert::{from_js, to_js};

/// Memory of a machine in bytes.
const MEMORY: usize = 64 << 20;
/// Stack in bytes for a script, and for the thread that runs it.
const SCRIPT_STACK: usize = 512 << 10;
const THREAD_STACK: usize = 4 << 20;
/// Maximum number of machines of one query.
const MAX_MACHINES: usize = 32;
/// How often to check whether the query has ended.
const TICK: Duration = Duration::from_millis(100);

/// A request to a machine.
pub(crate) enum Request {
    /// Runs source text.
    Run(String),
    /// Calls a function.
    Call(String, Vec<Value>),
    /// Reads a global variable.
    Get(String),
    /// Sets a global variable.
    Set(String, Value),
}

struct Job {
    request: Request,
    scope: Scope,
    answer: SyncSender<Result<Value, String>>,
}

/// The machines of a query by key.
#[derive(Default)]
struct Machines(Mutex<HashMap<String, Sender<Job>>>);

/// Sends a request to the machine of this key, which is created if it does not exist.
pub(crate) fn ask(scope: &Scope, key: Option<String>, request: Request) -> VqlResult {
    let machines = scope.cache("js", Machines::default);
    let jobs = {
        let mut machines = machines.0.lock();
        let key = key.unwrap_or_default();
        match machines.get(&key) {
            Some(known) => known.clone(),
            None if machines.len() >= MAX_MACHINES => {
                return Err(format!("this query has {MAX_MACHINES} machines already; use fewer keys").into());
            }
            None => {
                let jobs = start(scope, machines.len())?;
                machines.insert(key, jobs.clone());
                jobs
            }
        }
    };
    let (answer, answers) = sync_channel(1);
    let job = Job {
        request,
        scope: scope.clone(),
        answer,
    };
    if jobs.send(job).is_err() {
        return Err("the machine has ended".into());
    }
    drop(jobs);
    loop {
        match answers.recv_timeout(TICK) {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(_)) if scope.cancellation().is_cancelled() => return Err(VqlError::Stopped),
            Ok(Err(error)) => return Err(error.into()),
            Err(RecvTimeoutError::Timeout) if scope.cancellation().is_cancelled() => {
                return Err(VqlError::Stopped);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err("the machine has ended".into()),
        }
    }
}

fn start(scope: &Scope, number: usize) -> Result<Sender<Job>, String> {
    let (jobs, queue) = channel();
    // The thread ends when the query drops the other end, which it does last of all.
    std::thread::Builder::new()
        .name(format!("vql-js-{number}"))
        .stack_size(THREAD_STACK)
        .spawn(move || work(&queue))
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    let machines = Arc::downgrade(&scope.cache("js", Machines::default));
    scope.at_close(Box::new(move |_| {
        if let Some(machines) = machines.upgrade() {
            machines.0.lock().clear();
        }
    }));
    Ok(jobs)
}

fn work(queue: &Receiver<Job>) {
    let current: Arc<Mutex<Option<Scope>>> = Arc::default();
    let machine = machine(&current);
    while let Ok(job) = queue.recv() {
        *current.lock() = Some(job.scope.clone());
        let answer = match &machine {
            Ok(machine) => machine.with(|ctx| perform(&ctx, &job.scope, job.request)),
            Err(error) => Err(format!("no machine could be made: {error}")),
        };
        *current.lock() = None;
        // Nobody receives it once the query has ended.
        let _ = job.answer.send(answer);
    }
}

fn machine(current: &Arc<Mutex<Option<Scope>>>) -> Result<Context, rquickjs::Error> {
    let runtime = Runtime::new()?;
    runtime.set_memory_limit(MEMORY);
    runtime.set_max_stack_size(SCRIPT_STACK);
    let current = Arc::clone(current);
    runtime.set_interrupt_handler(Some(Box::new(move || {
        let scope = current.lock().clone();
        scope.is_some_and(|scope| scope.cancellation().is_cancelled() || scope.checkpoint().is_err())
    })));
    Context::full(&runtime)
}

fn perform(ctx: &Ctx<'_>, scope: &Scope, request: Request) -> Result<Value, String> {
    let done = perform_caught(ctx, scope, request).catch(ctx);
    // Scripts may leave pending jobs (promises), which are run as part of them.
    while done.is_ok() && !scope.cancellation().is_cancelled() && ctx.execute_pending_job() {}
    done.map_err(|error| describe(&error)).and_then(|value| value)
}

/// The outer error is the script's, the inner one ours.
fn perform_caught(ctx: &Ctx<'_>, scope: &Scope, request: Request) -> rquickjs::Result<Result<Value, String>> {
    match request {
        Request::Run(source) => {
            run(ctx, source)?;
            Ok(Ok(Value::Null))
        }
        Request::Call(name, args) => {
            let Some(function) = variable(ctx, &name)?.into_function() else {
                return Ok(Err(format!("`{name}` is not a function of the script")));
            };
            let result = call(ctx, scope, &function, &args)?;
            from_js(&result)
        }
        Request::Get(name) => from_js(&variable(ctx, &name)?),
        Request::Set(name, value) => {
            let value = to_js(ctx, scope, &value)?;
            ctx.globals().set(name, value)?;
            Ok(Ok(Value::Null))
        }
    }
}

fn run<'js>(ctx: &Ctx<'js>, source: String) -> rquickjs::Result<JsValue<'js>> {
    let mut options = EvalOptions::default();
    options.strict = false;
    ctx.eval_with_options(source, options)
}

/// A global variable, including those made by `let` or `const`.
fn variable<'js>(ctx: &Ctx<'js>, name: &str) -> rquickjs::Result<JsValue<'js>> {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || "_$".contains(c))
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_$".contains(c));
    if ctx.globals().contains_key(name)? || !is_name {
        return ctx.globals().get(name);
    }
    run(ctx, format!("typeof {name} === 'undefined' ? undefined : {name}"))
}

fn call<'js>(
    ctx: &Ctx<'js>,
    scope: &Scope,
    function: &JsFunction<'js>,
    args: &[Value],
) -> rquickjs::Result<JsValue<'js>> {
    let mut list = Args::new(ctx.clone(), args.len());
    for arg in args {
        list.push_arg(to_js(ctx, scope, arg)?)?;
    }
    function.call_arg(list)
}

fn describe(error: &CaughtError<'_>) -> String {
    match error {
        CaughtError::Exception(exception) => {
            let message = exception.message().unwrap_or_default();
            match exception.stack().unwrap_or_default().trim() {
                "" => message,
                stack => format!("{message}: {}", stack.replace('\n', "; ")),
            }
        }
        CaughtError::Value(value) => match from_js(value) {
            Ok(Ok(Value::Str(text))) => text.to_string(),
            _ => "the script threw a value".to_owned(),
        },
        CaughtError::Error(error) => error.to_string(),
    }
}
