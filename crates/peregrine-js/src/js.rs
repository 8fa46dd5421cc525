//! `js()`: runs JavaScript.

use peregrine_engine::prelude::*;

use crate::machine::{Request, ask};

/// Runs JavaScript in a machine that lives as long as the query; its functions and variables remain available
/// to `js_call()` and `js_get()`. Each `key` has its own machine.
///
/// A machine has 64 MiB of memory, no files and no network, and stops with the query.
#[derive(VqlArgs)]
pub struct Args {
    /// The source text.
    js: String,
    /// The key of the machine.
    key: Option<String>,
}

pub struct Js;

impl Function for Js {
    type Args = Args;
    const NAME: &'static str = "js";
    const CATEGORY: Category = Category::Experimental;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a function",
            "js(js='var a = 2; function add(x, y) { return x + y + a; }')",
            "null",
        ),
        fails("an error", "js(js='nothing()')", "nothing is not defined"),
        fails("no JavaScript", "js(js='var = ;')", "js: "),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        ask(scope, args.key, Request::Run(args.js))
    }
}
