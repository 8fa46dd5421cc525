//! What this program provides to every query it runs.

use crate::logging;
#[cfg(feature = "server")]
use crate::registry;
use crate::verbs::program_guard;
#[cfg(feature = "server")]
use peregrine_accessors::AccessorManager;
#[cfg(feature = "server")]
use peregrine_engine::Context;
use peregrine_engine::context::ContextBuilder;
#[cfg(feature = "server")]
use std::sync::Arc;

/// Adds all of it to a context.
pub(crate) fn extend(context: ContextBuilder) -> ContextBuilder {
    with_interpreter(context)
        .extension(program_guard::guard())
        .extension(logging::recent())
}

/// What queries on a server get.
#[cfg(feature = "server")]
pub(crate) fn of_server(config: &peregrine_server::Config) -> peregrine_server_vql::run::QueryHost {
    let most = config.defaults.query_max_memory;
    let (registry, limiter) = (registry::registry(), Arc::new(peregrine_agent::query_limiter()));
    peregrine_server_vql::run::QueryHost {
        context: Box::new(move || {
            extend(Context::builder())
                .registry(registry.clone())
                .extension(limiter.clone())
                .extension(Arc::new(AccessorManager::default()))
        }),
        memory: crate::memory::server_pool((most > 0).then_some(most)),
    }
}

/// Adds the program that interprets Starlark, if this build can.
pub(crate) fn with_interpreter(context: ContextBuilder) -> ContextBuilder {
    #[cfg(feature = "starlark")]
    let context = context.extension(crate::verbs::starlark_worker::program());
    context
}
