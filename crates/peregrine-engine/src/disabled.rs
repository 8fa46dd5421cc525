//! Functions and plugins that exist but have no effect: a remapped query must not learn about the machine it
//! runs on.

use parking_lot::RwLock;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

/// Functions and plugins a query may call without effect; the first call of each logs that it is disabled.
/// Shared by a context and those derived from it, so that names can be added while the query runs.
#[derive(Debug, Default)]
pub struct Disabled {
    /// A fast check: calls are many, and most queries disable nothing.
    has_names: AtomicBool,
    names: RwLock<Names>,
}

#[derive(Debug, Default)]
struct Names {
    functions: BTreeSet<String>,
    plugins: BTreeSet<String>,
}

impl Disabled {
    /// Disables more. Unknown names are kept, because rules are also written for programs with other plugins.
    pub fn add(&self, functions: &[String], plugins: &[String]) {
        if functions.is_empty() && plugins.is_empty() {
            return;
        }
        let mut names = self.names.write();
        names.functions.extend(functions.iter().cloned());
        names.plugins.extend(plugins.iter().cloned());
        self.has_names.store(true, Ordering::Release);
    }

    /// Whether this function gives NULL.
    #[must_use]
    pub fn function(&self, name: &str) -> bool {
        self.has_names.load(Ordering::Acquire) && self.names.read().functions.contains(name)
    }

    /// Whether this plugin gives no rows.
    #[must_use]
    pub fn plugin(&self, name: &str) -> bool {
        self.has_names.load(Ordering::Acquire) && self.names.read().plugins.contains(name)
    }
}
