//! The functions and plugins of the language itself, one per file.

mod functions;
mod plugins;

use std::sync::Arc;

use crate::call::{FunctionDef, PluginDef, Registry};

/// The functions of the language itself.
pub const FUNCTIONS: &[&[FunctionDef]] = &[functions::PLAIN];

/// The plugins of the language itself.
pub const PLUGINS: &[PluginDef] = plugins::ALL;

/// A registry with the functions and plugins of the language itself.
#[must_use]
pub fn registry() -> Registry {
    FUNCTIONS
        .iter()
        .fold(Registry::new().with_plugins(PLUGINS), |registry, list| {
            registry.with_functions(list)
        })
}

/// The same, shared, for tests and small tools.
#[must_use]
pub fn shared_registry() -> Arc<Registry> {
    static SHARED: std::sync::LazyLock<Arc<Registry>> = std::sync::LazyLock::new(|| Arc::new(registry()));
    Arc::clone(&SHARED)
}
