//! Functions and plugins that exist but give nothing: a remapped query must not hear of the machine it runs on.

use parking_lot::RwLock;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a query may call without effect; calls log once that they are disabled. Shared by a context and those derived
/// from it, so names can be added while the query runs.
#[derive(Debug, Default)]
pub struct Disabled {
    /// Most queries disable nothing, and calls are many.
    has_names: AtomicBool,
    names: RwLock<Names>,
}

#[derive(Debug, Default)]
struct Names {
    functions: BTreeSet<String>,
    plugins: BTreeSet<String>,
}

impl Disabled {
    /// Disables more. Names that nothing has are kept, too: rules are written for programs with other plugins.
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
