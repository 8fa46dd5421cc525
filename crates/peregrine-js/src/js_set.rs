//! `js_set()`: sets a JavaScript variable.

use peregrine_engine::prelude::*;

use crate::machine::{Request, ask};

/// Sets a global variable of a JavaScript machine.
#[derive(VqlArgs)]
pub struct Args {
    /// The name of the variable.
    var: String,
    /// Its value.
    value: Value,
    /// The key of the machine.
    key: Option<String>,
}

pub struct JsSet;

impl Function for JsSet {
    type Args = Args;
    const NAME: &'static str = "js_set";
    const CATEGORY: Category = Category::Experimental;
    const EXAMPLES: &'static [Example] = &[example(
        "a variable",
        "js_set(var='a', value=dict(x=5)) || js_get(var='a').x",
        "5",
    )];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        ask(scope, args.key, Request::Set(args.var, args.value))
    }
}
