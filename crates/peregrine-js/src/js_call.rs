//! `js_call()`: calls a JavaScript function.

use peregrine_engine::prelude::*;

use crate::machine::{Request, ask};

/// Calls a function that `js()` has defined. Numbers, texts, lists and dicts keep their types in both
/// directions; dates are returned as times, `undefined` as NULL.
#[derive(VqlArgs)]
pub struct Args {
    /// The name of the function.
    func: String,
    /// Its arguments: one for each item of a list; any other value is the only argument.
    args: Option<Value>,
    /// The key of the machine.
    key: Option<String>,
}

pub struct JsCall;

impl Function for JsCall {
    type Args = Args;
    const NAME: &'static str = "js_call";
    const CATEGORY: Category = Category::Experimental;
    const EXAMPLES: &'static [Example] = &[
        example(
            "two arguments",
            "js(js='var a = 2; function add(x, y) { return x + y + a; }') || js_call(func='add', args=[3, 4])",
            "9",
        ),
        example(
            "a dict",
            "js(js='function f(d) { d.n += 1; return d; }') || js_call(func='f', args=dict(n=1, l=['x', NULL]))",
            r#"{"n":2,"l":["x",null]}"#,
        ),
        fails(
            "no such function",
            "js_call(func='f')",
            "`f` is not a function of the script",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let list = match args.args {
            None => Vec::new(),
            Some(Value::Array(items)) => items.to_vec(),
            Some(value) => vec![value],
        };
        ask(scope, args.key, Request::Call(args.func, list))
    }
}
