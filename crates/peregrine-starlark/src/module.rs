//! A script that has run, and its functions. Both live in a separate process.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use peregrine_engine::prelude::*;

use crate::message::Request;
use crate::plain::{plain, plain_dict};
use crate::process::{CANCEL_CHECK, Failure, Process};
use crate::program::WorkerProgram;

/// The names of a script.
pub(crate) struct Module(Arc<Interpreter>);

/// The process of a module. Only one thread at a time uses it.
pub(crate) struct Interpreter {
    /// Names, and whether they can be called.
    names: Vec<(Str, bool)>,
    state: Mutex<ProcessState>,
    is_ended: AtomicBool,
}

enum ProcessState {
    Running(Process),
    /// Why it is not running.
    Dead(String),
}

impl Module {
    /// Runs a script.
    pub(crate) fn load(scope: &Scope, code: String, globals: &Dict) -> VqlResult<Module> {
        let program = scope.extension::<WorkerProgram>().ok_or(
            "Starlark runs in a process of its own, and this host names no program for it (`WorkerProgram`)",
        )?;
        let globals = plain_dict(scope, globals.entries())?;
        let mut process = Process::start(&program)?;
        let loaded = process.ask(&Request::Load { code, globals }, &|| is_wanted(scope), &|text| {
            scope.log(Level::Default, text)
        });
        let names = match loaded {
            Ok(Value::Dict(names)) => names.entries().into_iter(),
            Ok(_) => return Err("the interpreter's answer makes no sense".into()),
            Err(failure) => return Err(explain(scope, failure)),
        };
        Ok(Module(Arc::new(Interpreter {
            names: names
                .map(|(name, is_function)| (name, matches!(is_function, Value::Bool(true))))
                .collect(),
            state: Mutex::new(ProcessState::Running(process)),
            is_ended: AtomicBool::new(false),
        })))
    }

    pub(crate) fn interpreter(&self) -> &Arc<Interpreter> {
        &self.0
    }
}

impl Interpreter {
    /// True until it died or was ended. A busy process is running.
    pub(crate) fn is_running(&self) -> bool {
        let state = self.state.try_lock();
        state.is_none_or(|state| matches!(*state, ProcessState::Running(_)))
    }

    /// Ends the process, even during a call.
    pub(crate) fn end(&self) {
        self.is_ended.store(true, Ordering::Release);
        *self.state.lock() = ProcessState::Dead("the query that made it has ended".to_owned());
    }

    fn ask(&self, scope: &Scope, request: &Request) -> VqlResult {
        let wanted = || is_wanted(scope) && !self.is_ended.load(Ordering::Acquire);
        let mut state = loop {
            if let Some(state) = self.state.try_lock_for(CANCEL_CHECK) {
                break state;
            }
            if !wanted() {
                return Err(VqlError::Stopped);
            }
        };
        let process = match &mut *state {
            ProcessState::Running(process) => process,
            ProcessState::Dead(reason) => {
                return Err(format!("this module cannot be used any more: {reason}").into());
            }
        };
        let print = |text: &str| scope.log(Level::Default, text);
        process.ask(request, &wanted, &print).map_err(|failure| {
            if let Failure::Dead(reason) = &failure {
                *state = ProcessState::Dead(reason.clone());
            }
            explain(scope, failure)
        })
    }
}

fn is_wanted(scope: &Scope) -> bool {
    !scope.cancellation().is_cancelled() && scope.checkpoint().is_ok()
}

fn explain(scope: &Scope, failure: Failure) -> VqlError {
    match failure {
        Failure::Stopped => VqlError::Stopped,
        _ if scope.cancellation().is_cancelled() => VqlError::Stopped,
        Failure::Script(error) | Failure::Dead(error) => error.into(),
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
        let (_, is_function) = self
            .0
            .names
            .iter()
            .find(|(known, _)| known.as_bytes() == name.as_bytes())?;
        if *is_function {
            return Some(Value::object(Callable {
                name: name.to_owned(),
                interpreter: Arc::clone(&self.0),
            }));
        }
        match self.0.ask(scope, &Request::Get(name.to_owned())) {
            Ok(value) => Some(value),
            Err(VqlError::Stopped) => Some(Value::Null),
            Err(error) => {
                scope.log_line(&format!("starl: `{name}`: {error}"));
                Some(Value::Null)
            }
        }
    }

    fn member_names(&self) -> Vec<Str> {
        self.0.names.iter().map(|(name, _)| name.clone()).collect()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A function of a script.
struct Callable {
    name: String,
    interpreter: Arc<Interpreter>,
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
        // Before the interpreter is locked: an argument may itself call the same module.
        let named = Dict::new();
        for arg in args.iter() {
            match plain(scope, &arg.any()) {
                Ok(value) => named.set(arg.name().to_string(), value),
                Err(error) => return Some(Err(error)),
            }
        }
        let request = Request::Call {
            name: self.name.clone(),
            args: named,
        };
        Some(self.interpreter.ask(scope, &request))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
