//! The scope in which the sources of mounts work: with the accessors of this machine, without the remapping.

use crate::AccessorManager;
use peregrine_engine::Program;
use peregrine_engine::disabled::Disabled;
use peregrine_engine::prelude::{Dict, FnSink, Row, Scope};
use std::sync::Arc;

/// Kept until the query ends.
struct Pristine(Scope);

/// The pristine scope of a query. `setup` are LET statements that run in it once; `key` distinguishes scopes
/// with different settings.
pub(super) fn scope(query: &Scope, key: &str, setup: Option<&Program>) -> Scope {
    let made = query.cache(&format!("pristine scope {key}"), || make(query, setup));
    made.0.clone()
}

fn make(query: &Scope, setup: Option<&Program>) -> Pristine {
    let manager = query.extension::<AccessorManager>();
    let manager = manager.map_or_else(AccessorManager::default, |manager| manager.pristine());
    let context = query
        .context()
        .derive()
        .disabled(Arc::new(Disabled::default()))
        .extension(Arc::new(manager))
        .build();
    // From the host's settings, without the query's changes.
    let host = query.fresh();
    let variables = host.names().into_iter().filter_map(|name| {
        let value = host.get(&name.as_utf8_lossy())?;
        Some((name, value))
    });
    let scope = Scope::root(&context, variables.collect::<Dict>());
    let closing = scope.clone();
    query.at_close(Box::new(move |_| closing.close()));
    if let Some(setup) = setup {
        let mut nowhere = FnSink(|_: Row| Ok(()));
        // A stop is a cancellation, which the query notices itself.
        let _ = setup.run(&scope, &mut nowhere);
    }
    Pristine(scope)
}
