//! `whoami()`: the acting user.

use peregrine_engine::prelude::*;

use crate::Live;

/// Returns the name of the user on whose behalf the query runs on the server.
#[derive(VqlArgs)]
pub struct Args {}

/// The function.
pub struct Whoami;

impl Function for Whoami {
    type Args = Args;
    const NAME: &'static str = "whoami";
    const CATEGORY: Category = Category::Server;
    const EXAMPLES: &'static [Example] = &[example("the user's name", "whoami()", r#""admin""#)];

    fn call(scope: &Scope, _: Args) -> VqlResult {
        Ok(Value::from(Live::of(scope)?.principal.name.as_str()))
    }
}
