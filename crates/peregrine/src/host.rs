//! What this program provides to every query it runs.

use crate::logging;
use crate::verbs::program_guard;
use peregrine_engine::context::ContextBuilder;

/// Adds all of it to a context.
pub(crate) fn extend(context: ContextBuilder) -> ContextBuilder {
    with_interpreter(context)
        .extension(program_guard::guard())
        .extension(logging::recent())
}

/// Adds the program that interprets Starlark, if this build can.
pub(crate) fn with_interpreter(context: ContextBuilder) -> ContextBuilder {
    #[cfg(feature = "starlark")]
    let context = context.extension(crate::verbs::starlark_worker::program());
    context
}
