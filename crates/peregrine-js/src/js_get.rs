//! `js_get()`: a JavaScript variable.

use peregrine_engine::prelude::*;

use crate::machine::{Request, ask};

/// Returns a global variable of a JavaScript machine; NULL if it does not exist.
#[derive(VqlArgs)]
pub struct Args {
    /// The name of the variable.
    var: String,
    /// The key of the machine.
    key: Option<String>,
}

pub struct JsGet;

impl Function for JsGet {
    type Args = Args;
    const NAME: &'static str = "js_get";
    const CATEGORY: Category = Category::Experimental;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a variable",
            "js(js='var a = [1, 2.5];') || js_get(var='a')",
            "[1,2.5]",
        ),
        example("none", "js_get(var='nothing')", "null"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        ask(scope, args.key, Request::Get(args.var))
    }
}
