//! VQL evaluation: values, rows, scopes, the traits of functions and plugins, their registry, budgets and spilling.
//!
//! Synchronous. It accesses no files (except spill files), no network and no async runtime; what the machine
//! provides arrives through [`Context`].
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![warn(clippy::disallowed_methods)] // the reasons are in clippy.toml

extern crate self as peregrine_engine;

mod aggregate;
pub mod budget;
pub mod builtin;
pub mod call;
pub mod cancel;
pub mod context;
pub mod disabled;
mod eval;
pub mod examples;
pub mod format;
mod host_state;
pub mod json;
mod lambda;
mod layer;
pub mod log;
pub mod memory;
pub mod number;
mod pace;
pub mod parallel;
pub mod prelude;
pub mod program;
pub mod query;
pub mod regex;
pub mod running;
pub mod scope;
mod source_text;
mod stack;
pub mod time;
pub mod value;

pub use call::{Registry, VqlError, VqlResult};
pub use cancel::Cancellation;
pub use context::Context;
pub use host_state::HostState;
pub use lambda::Lambda;
pub use peregrine_vql::Diagnostic;
pub use program::{Program, Statement};
pub use query::{Lazy, Query, RowSink, Stop};
pub use scope::Scope;
pub use value::{Dict, Row, Str, Time, Value};
