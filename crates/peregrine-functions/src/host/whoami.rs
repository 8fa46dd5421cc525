//! `whoami()`: who runs the query.

use crate::prelude::*;

/// Returns the name of the user of the server who runs the query; empty where there is none, as on agents and on the
/// command line.
#[derive(VqlArgs)]
pub struct Args {}

/// The user a query runs for; a host that knows one puts it into the context as an extension.
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
