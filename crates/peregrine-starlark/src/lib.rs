//! Starlark in VQL: `starl()`.
//!
//! A crate of its own, because the interpreter is large. Scripts have limits of memory, steps, calls and nesting, and stop
//! with their query. Absent: `load()`.
#![forbid(unsafe_code)]
#![expect(unreachable_pub, reason = "types of functions are named only by the list")]

mod convert;
mod module;
mod nesting;
mod starl;

use peregrine_engine::functions;
use peregrine_engine::prelude::FunctionDef;

/// All functions of this crate.
pub const FUNCTIONS: &[FunctionDef] = functions![starl::Starl];
