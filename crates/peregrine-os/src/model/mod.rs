//! Plain structs describing a machine.

mod argv;
mod host;
mod process;
mod socket;

pub use argv::Argv;
pub use host::{Group, Host, Interface, InterfaceAddress, Mount, User};
pub use process::{IoCounters, MemoryInfo, Process, ProcessBrief, StartTime};
pub use socket::{Socket, SocketOwner, SocketState, Transport};
