//! Starlark in VQL: `starl()`.
//!
//! A separate crate, because the interpreter is large. The interpreter never runs in the process that runs
//! the query: some of its operations allocate without checking any limit, and deeply nested values can
//! exhaust the native stack, which ends the process. Each module has a child process ([`worker::run`]) with
//! limits on memory, steps, calls and nesting; the host names the program to start in the extension
//! [`WorkerProgram`]. Absent: `load()`.
#![forbid(unsafe_code)]
#![expect(unreachable_pub, reason = "types of functions are named only by the list")]

mod codec;
mod message;
mod module;
mod plain;
mod process;
mod program;
mod starl;
pub mod worker;

pub use program::WorkerProgram;

use peregrine_engine::functions;
use peregrine_engine::prelude::FunctionDef;

/// All functions of this crate.
pub const FUNCTIONS: &[FunctionDef] = functions![starl::Starl];
