//! Plain structs describing a machine.

mod argv;
mod host;
mod process;
mod process_name;
mod socket;

pub use argv::Argv;
pub use host::{Group, Host, Interface, InterfaceAddress, Mount, User};
pub use process::{IoCounters, MemoryInfo, Process, ProcessBrief, StartTime};
pub use process_name::{may_be_cut, whole_name};
pub use socket::{Socket, SocketOwner, SocketState, Transport};
