//! `eval()`: calls a lambda.

use crate::prelude::*;

/// Calls a lambda and returns its value.
#[derive(VqlArgs)]
pub struct Args {
    /// The lambda, such as `'x => x + 1'`.
    func: Lambda,
    /// Its arguments: an array, or a single one; the scope when left out.
    args: Option<Value>,
}

pub struct Eval;

impl Function for Eval {
    type Args = Args;
    const NAME: &'static str = "eval";
    const CATEGORY: Category = Category::Control;
    const VERSION: i64 = 2;
    const EXAMPLES: &'static [Example] = &[
        example("one argument", "eval(func='x => x + 1', args=4)", "5"),
        example("two arguments", "eval(func='a, b => a * b', args=[3, 4])", "12"),
        fails(
            "too few",
            "eval(func='a, b => a', args=3)",
            "Incorrect number of parameters in Lambda call",
        ),
        fails(
            "no lambda",
            "eval(func=5)",
            "eval: Field func Got field type int64",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let given = match args.args {
            None => vec![Value::Scope(scope.clone())],
            Some(Value::Array(items)) => items.to_vec(),
            Some(single) => vec![single],
        };
        Ok(args.func.call(scope, &given))
    }
}
