//! Permissions of a remapped query: those it had before and that the rules list.

use peregrine_engine::context::Access;
use peregrine_engine::prelude::Permission;
use std::sync::Arc;

/// Allows what both the host and the rules allow.
pub(super) struct Narrowed {
    host: Arc<dyn Access>,
    listed: Vec<Permission>,
}

impl Narrowed {
    pub(super) fn new(host: Arc<dyn Access>, listed: Vec<Permission>) -> Narrowed {
        Narrowed { host, listed }
    }
}

impl Access for Narrowed {
    fn check(&self, permission: Permission) -> Result<(), String> {
        self.host.check(permission)?;
        if self.listed.contains(&permission) {
            return Ok(());
        }
        let name = permission.name();
        Err(format!(
            "permission denied: {name} is not among those of the remapping; list it in a rule of type `permissions`"
        ))
    }

    fn function_allowed(&self, name: &str) -> bool {
        self.host.function_allowed(name)
    }

    fn plugin_allowed(&self, name: &str) -> bool {
        self.host.plugin_allowed(name)
    }
}
