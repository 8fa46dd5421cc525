//! JavaScript in VQL: `js()`, `js_call()`, `js_get()`, `js_set()` over QuickJS.
//!
//! A separate crate, because it builds C. A machine is a thread with limits on memory and stack, which is
//! stopped with its query.
#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods)] // the reasons are in clippy.toml
#![expect(unreachable_pub, reason = "types of functions are named only by the list")]

mod convert;
mod js;
mod js_call;
mod js_get;
mod js_set;
mod machine;

use peregrine_engine::functions;
use peregrine_engine::prelude::FunctionDef;

/// All functions of this crate.
pub const FUNCTIONS: &[FunctionDef] = functions![js::Js, js_call::JsCall, js_get::JsGet, js_set::JsSet];
