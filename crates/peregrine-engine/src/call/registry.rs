//! The functions and plugins a query may call.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{FunctionDef, PluginDef};

/// Functions and plugins by name; the two have separate name spaces.
#[derive(Debug)]
pub struct Registry {
    id: u64,
    functions: BTreeMap<&'static str, &'static FunctionDef>,
    plugins: BTreeMap<&'static str, &'static PluginDef>,
    /// Names this build lacks, each with the Cargo feature that adds it.
    left_out: BTreeMap<&'static str, &'static str>,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Registry {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Registry {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            functions: BTreeMap::new(),
            plugins: BTreeMap::new(),
            left_out: BTreeMap::new(),
        }
    }

    /// Adds functions; a later one replaces an earlier one of the same name.
    #[must_use]
    pub fn with_functions(mut self, functions: &'static [FunctionDef]) -> Registry {
        self.functions.extend(functions.iter().map(|def| (def.name, def)));
        self
    }

    /// Adds plugins; a later one replaces an earlier one of the same name.
    #[must_use]
    pub fn with_plugins(mut self, plugins: &'static [PluginDef]) -> Registry {
        self.plugins.extend(plugins.iter().map(|def| (def.name, def)));
        self
    }

    /// Records functions and plugins that only another build of the program has, so that messages can say so.
    /// They stay unknown: `version()` must not claim to artifacts that they exist.
    #[must_use]
    pub fn without(mut self, feature: &'static str, names: &[&'static str]) -> Registry {
        self.left_out.extend(names.iter().map(|name| (*name, feature)));
        self
    }

    /// The reason why a name is not found, to append to a message; empty when there is nothing to add.
    pub(crate) fn why_unknown(&self, name: &str) -> String {
        let feature = self.left_out.get(name).map(|feature| {
            format!(": it is not built into this program; use one with the feature `{feature}`")
        });
        feature.unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use crate::log::MemoryLog;
    use crate::prelude::*;
    use crate::{Context, Program, builtin};
    use std::sync::Arc;

    #[test]
    fn what_another_build_has_is_unknown_here_and_the_message_says_why() {
        let registry = builtin::registry().without("rarities", &["rare", "rarer"]);
        let log = Arc::new(MemoryLog::default());
        let context = Context::builder()
            .registry(Arc::new(registry))
            .log(log.clone())
            .build();
        let scope = Scope::root(&context, Dict::new());
        let mut rows: Vec<Row> = Vec::new();
        let query = "SELECT rare(a=1) AS A, version(function='rare') AS B FROM scope() SELECT * FROM rarer()";
        let _ = Program::compile(query).unwrap().run(&scope, &mut rows);
        for column in ["A", "B"] {
            assert!(matches!(rows[0].get(column), Some(Value::Null)), "{rows:?}");
        }
        let why = "not found: it is not built into this program; use one with the feature `rarities`. Current Scope is";
        for start in ["Symbol rare", "Plugin rarer"] {
            let message = format!("{start} {why}");
            assert!(
                log.lines().iter().any(|line| line.contains(&message)),
                "{:?}",
                log.lines()
            );
        }
    }
}
