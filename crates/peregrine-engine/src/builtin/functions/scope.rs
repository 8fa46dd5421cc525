//! `scope()`: the scope as a value.

use crate::prelude::*;

/// Returns the current scope; its members are the variables.
#[derive(VqlArgs)]
pub struct Args {}

pub struct ThisScope;

impl Function for ThisScope {
    type Args = Args;
    const NAME: &'static str = "scope";
    const CATEGORY: Category = Category::Control;
    const EXAMPLES: &'static [Example] = &[
        example("a variable that is not there", "scope().NoSuchName", "null"),
        example("as JSON", "scope()", "{}"),
    ];

    fn call(scope: &Scope, _: Args) -> VqlResult {
        Ok(Value::Scope(scope.clone()))
    }
}
