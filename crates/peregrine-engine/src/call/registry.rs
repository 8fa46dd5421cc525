//! The functions and plugins a query may call.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{FunctionDef, PluginDef};

/// Functions and plugins by name; two separate name spaces.
#[derive(Debug)]
pub struct Registry {
    id: u64,
    functions: BTreeMap<&'static str, &'static FunctionDef>,
    plugins: BTreeMap<&'static str, &'static PluginDef>,
}

impl Registry {
    /// Nothing registered.
    #[must_use]
    pub fn new() -> Registry {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Registry {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            functions: BTreeMap::new(),
            plugins: BTreeMap::new(),
        }
    }

    /// Adds functions; a later one of the same name wins.
    #[must_use]
    pub fn with_functions(mut self, functions: &'static [FunctionDef]) -> Registry {
        self.functions.extend(functions.iter().map(|def| (def.name, def)));
        self
    }

    /// Adds plugins; a later one of the same name wins.
    #[must_use]
    pub fn with_plugins(mut self, plugins: &'static [PluginDef]) -> Registry {
        self.plugins.extend(plugins.iter().map(|def| (def.name, def)));
        self
    }

    /// A function by name.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<&'static FunctionDef> {
        self.functions.get(name).copied()
    }

    /// A plugin by name.
    #[must_use]
    pub fn plugin(&self, name: &str) -> Option<&'static PluginDef> {
        self.plugins.get(name).copied()
    }

    /// All functions by name.
    pub fn functions(&self) -> impl Iterator<Item = &'static FunctionDef> {
        self.functions.values().copied()
    }

    /// All plugins by name.
    pub fn plugins(&self) -> impl Iterator<Item = &'static PluginDef> {
        self.plugins.values().copied()
    }

    /// Tells registries apart, for caches at call sites.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}

impl Default for Registry {
    fn default() -> Registry {
        Registry::new()
    }
}
