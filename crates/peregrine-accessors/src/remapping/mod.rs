//! Remapping: queries written for a running machine see a dead one instead, such as an image, a folder or an
//! archive.
//!
//! [`Rules`] represent the text, and [`Remapping`] applies them to a table of accessors. Nothing happens by
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

/// The remapping of this query, if there is one.
#[must_use]
pub fn remapping(scope: &Scope) -> Option<Arc<Remapping>> {
    scope.extension::<AccessorManager>()?.remapping()
}

/// Applies rules to the running query. `clear` starts without accessors, `copy` names accessors of this
/// machine to keep. Permission rules have no effect here. On failure no accessor is left, so that the rest of
/// the query cannot read the machine it runs on by mistake.
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

/// Removes all accessors from the running query; false if its host did not give it a table that can be
/// changed.
pub fn clear_accessors(scope: &Scope) -> bool {
    let Some(manager) = scope.extension::<AccessorManager>() else {
        return false;
    };
    manager.set_remapping(Remapping::nothing(&manager));
    true
}
