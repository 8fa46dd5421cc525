//! How a query reaches the machine it runs on.

use peregrine_engine::prelude::*;
use peregrine_os::Machine;
use std::sync::Arc;

/// The machine that queries inspect; register it as an extension of a context to replace this machine.
pub struct MachineHandle(pub Arc<dyn Machine>);

/// The machine this query inspects.
pub(crate) fn machine(scope: &Scope) -> VqlResult<Arc<dyn Machine>> {
    if let Some(handle) = scope.extension::<MachineHandle>() {
        return Ok(Arc::clone(&handle.0));
    }
    let local = scope.cache("machine", || {
        peregrine_os::linux::LinuxMachine::new().map(|machine| Arc::new(machine) as Arc<dyn Machine>)
    });
    match local.as_ref() {
        Ok(machine) => Ok(Arc::clone(machine)),
        Err(error) => Err(VqlError::Message(error.to_string())),
    }
}

/// An error of the machine as an error of the query.
pub(crate) fn failed(error: impl std::fmt::Display) -> VqlError {
    VqlError::Message(error.to_string())
}
