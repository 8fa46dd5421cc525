//! Remapping: queries written for a running machine see a dead one instead – an image, a folder, an archive.
//!
//! [`Rules`] are what a text says, [`Remapping`] is what they make of a table of accessors. Nothing here is applied by
//! itself: a host installs a [`Remapping`] before a query starts, or [`remap`] changes the running one.

mod impersonation;
mod links;
mod mounted;
mod permissions;
mod pristine;
mod reader;
mod rules;
mod table;
mod tree;

pub use impersonation::Identity;
pub use rules::{Place, RemapError, Rule, Rules};
pub use table::Remapping;

use crate::AccessorManager;
use peregrine_engine::prelude::Scope;
use std::sync::Arc;

/// What remaps this query, if anything does.
#[must_use]
pub fn remapping(scope: &Scope) -> Option<Arc<Remapping>> {
    scope.extension::<AccessorManager>()?.remapping()
}

/// Applies rules to the running query. `clear` begins without accessors, `copy` names accessors of this machine to keep.
/// Rules of permissions have no effect here. When it fails, no accessor is left: a query that goes on must not read the
/// machine it runs on by mistake.
pub fn remap(scope: &Scope, rules: &Rules, copy: &[String], clear: bool) -> Result<(), RemapError> {
    let Some(manager) = scope.extension::<AccessorManager>() else {
        return Err(RemapError::NoTable);
    };
    match Remapping::new(rules, &manager, copy, clear) {
        Ok(remapping) => {
            scope
                .context()
                .disabled()
                .add(remapping.disabled_functions(), remapping.disabled_plugins());
            remapping.log_warnings(scope);
            manager.set_remapping(remapping);
            Ok(())
        }
        Err(error) => {
            clear_accessors(scope);
            Err(error)
        }
    }
}

/// Takes all accessors away from the running query; false when its host gave it no table of them to change.
pub fn clear_accessors(scope: &Scope) -> bool {
    let Some(manager) = scope.extension::<AccessorManager>() else {
        return false;
    };
    manager.set_remapping(Remapping::nothing(&manager));
    true
}
