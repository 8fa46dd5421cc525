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
    let mail = config.mail.clone();
    peregrine_server_vql::run::QueryHost {
        context: Box::new(move || {
            let context = extend(Context::builder())
                .registry(registry.clone())
                .extension(limiter.clone())
                .extension(Arc::new(AccessorManager::default()));
            match &mail {
                Some(section) => with_mail(context, section),
                None => context,
            }
        }),
        memory: crate::memory::server_pool((most > 0).then_some(most)),
    }
}

/// Says where mail goes, if this build can send any.
#[cfg(feature = "server")]
#[cfg_attr(not(feature = "mail"), expect(unused_variables, reason = "there is no mail"))]
fn with_mail(context: ContextBuilder, section: &peregrine_server::MailSection) -> ContextBuilder {
    #[cfg(feature = "mail")]
    let context = context.extension(Arc::new(peregrine_functions::MailSettings {
        server: section.server.clone(),
        server_port: section.server_port,
        from: section.from.clone(),
        auth_username: section.auth_username.clone(),
        auth_password: section.auth_password.clone(),
        skip_verify: section.skip_verify,
    }));
    context
}

/// Adds the program that interprets Starlark, if this build can.
pub(crate) fn with_interpreter(context: ContextBuilder) -> ContextBuilder {
    #[cfg(feature = "starlark")]
    let context = context.extension(crate::verbs::starlark_worker::program());
    context
}
