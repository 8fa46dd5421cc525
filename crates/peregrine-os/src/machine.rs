//! The trait through which everything else asks the running machine.

use crate::error::Result;
use crate::model::{Group, Host, Interface, Mount, Process, ProcessBrief, Socket, User};
use std::ops::ControlFlow;

/// A running machine. Answers describe the moment of the call; nothing is cached but what cannot change.
pub trait Machine: Send + Sync {
    /// Every process, with the little that one read per process gives. The fast path for snapshots.
    fn process_list(&self) -> Result<Vec<ProcessBrief>>;

    /// Every process in full, one at a time in ascending pid order, until `visit` breaks. A process that ends
    /// meanwhile is left out.
    fn processes(&self, visit: &mut dyn FnMut(Process) -> ControlFlow<()>) -> Result<()>;

    /// One process in full; `None` when there is none with this pid. Finds processes hidden from the listing too.
    fn process(&self, pid: u32) -> Result<Option<Process>>;

    /// The pid of the parent; `None` when there is no such process. The first process has parent 0.
    fn parent_pid(&self, pid: u32) -> Result<Option<u32>>;

    /// TCP and UDP sockets of the network namespace we run in, with the processes that hold them.
    fn sockets(&self) -> Result<Vec<Socket>>;

    /// Local accounts.
    fn users(&self) -> Result<Vec<User>>;

    /// Local groups.
    fn groups(&self) -> Result<Vec<Group>>;

    /// Mounted file systems.
    fn mounts(&self) -> Result<Vec<Mount>>;

    /// Network interfaces.
    fn interfaces(&self) -> Result<Vec<Interface>>;

    /// Facts about the machine as a whole. What cannot be found out is empty or zero.
    fn host(&self) -> Result<Host>;
}
