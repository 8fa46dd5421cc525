//! State of functions and plugins that outlives a query: one set for each host of queries, not for the
//! process.
//!
//! A host that runs many queries makes one [`HostState`] and gives it to the context of each; a context
//! without one gets its own. Two hosts in one process do not see each other's state.

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::any::{Any, TypeId};
use std::sync::Arc;

/// Values by type, created when they are first asked for.
#[derive(Default)]
pub struct HostState(Mutex<FxHashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl HostState {
    /// The value of this type.
    #[must_use]
    pub fn get<T: Any + Send + Sync + Default>(&self) -> Arc<T> {
        let any = Arc::clone(
            self.0
                .lock()
                .entry(TypeId::of::<T>())
                .or_insert_with(|| Arc::new(T::default())),
        );
        // Cannot fail: it is stored under its own type.
        any.downcast().unwrap_or_default()
    }
}

impl std::fmt::Debug for HostState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("HostState").field(&self.0.lock().len()).finish()
    }
}
