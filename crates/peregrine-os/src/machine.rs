//! The trait for inspecting the running machine.

use crate::error::Result;
use crate::model::{Group, Host, Interface, Mount, Process, ProcessBrief, Socket, User};
use std::ops::ControlFlow;

/// A running machine. Results describe the moment of the call; only data that cannot change is cached.
pub trait Machine: Send + Sync {
    /// Every process, with the data of a single read per process. The fast path for snapshots.
    fn process_list(&self) -> Result<Vec<ProcessBrief>>;

    /// Every process in full, one at a time in ascending pid order, until `visit` breaks. A process that ends
    /// meanwhile is left out.
    fn processes(&self, visit: &mut dyn FnMut(Process) -> ControlFlow<()>) -> Result<()>;

    /// One process in full; `None` if there is none with this pid. Also finds processes that are hidden from
    /// the list.
    fn process(&self, pid: u32) -> Result<Option<Process>>;

    /// The pid of the parent; `None` if there is no such process. The first process has parent 0.
    fn parent_pid(&self, pid: u32) -> Result<Option<u32>>;

    /// TCP and UDP sockets of our network namespace, with the processes that hold them.
    fn sockets(&self) -> Result<Vec<Socket>>;

    /// Local accounts.
    fn users(&self) -> Result<Vec<User>>;

    /// Local groups.
    fn groups(&self) -> Result<Vec<Group>>;

    /// Mounted file systems.
    fn mounts(&self) -> Result<Vec<Mount>>;

    /// Network interfaces.
    fn interfaces(&self) -> Result<Vec<Interface>>;

    /// Facts about the machine as a whole. Unknown ones are empty or zero.
    fn host(&self) -> Result<Host>;
}
