//! The functions and plugins of the language itself, one per file.
// `pub` as in the other crates of functions and plugins, so that a file can move between them unchanged.
#![allow(unreachable_pub)]

mod functions;
mod plugins;

use std::sync::Arc;

use crate::call::Registry;

/// A registry with the functions and plugins of the language itself.
#[must_use]
pub fn registry() -> Registry {
    Registry::new()
        .with_plugins(plugins::ALL)
        .with_functions(functions::PLAIN)
        .with_functions(functions::AGGREGATES)
}

/// The same registry behind an `Arc`, for tests and small tools.
#[must_use]
pub fn shared_registry() -> Arc<Registry> {
    static SHARED: std::sync::LazyLock<Arc<Registry>> = std::sync::LazyLock::new(|| Arc::new(registry()));
    Arc::clone(&SHARED)
}
