//! `whoami()`: the user who runs the query.

use crate::prelude::*;

/// Returns the name of the server user who runs the query; empty on agents and on the command line, which
/// have no users.
#[derive(VqlArgs)]
pub struct Args {}

/// The user a query runs for; a host that knows it registers it as an extension of the context.
#[derive(Debug, Clone)]
pub struct Principal(pub String);

pub struct Whoami;

impl Function for Whoami {
    type Args = Args;
    const NAME: &'static str = "whoami";
    const CATEGORY: Category = Category::Server;
    const EXAMPLES: &'static [Example] = &[example("without a server", "whoami()", r#""""#)];

    fn call(scope: &Scope, _: Args) -> VqlResult {
        let principal = scope.extension::<Principal>();
        Ok(Value::from(
            principal.map_or_else(String::new, |user| user.0.clone()),
        ))
    }
}
