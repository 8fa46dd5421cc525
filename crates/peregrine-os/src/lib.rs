//! The running machine: processes, sockets, users, mounts, host facts and live process events, as plain
//! structs behind two traits, [`Machine`] and [`ProcessEventSource`]. This crate does not depend on VQL.
//!
//! The traits and structs exist on every operating system; the code that fills them is in the module of its
//! system ([`linux`]).

// Allowed in two files: one is an allocator, one advises the kernel about mapped memory.
#![deny(unsafe_code)]

mod counting;
mod error;
mod events;
#[cfg(target_os = "linux")]
pub mod linux;
mod machine;
mod model;

pub use counting::{Counting, held_by_thread};
pub use error::{Error, Result};
pub use events::{
    Choice, Exec, Exit, ExitStatus, Fork, ProcessEvent, ProcessEventSource, SourceKind, SourceOptions,
    SourceStats,
};
pub use machine::Machine;
pub use model::{
    Argv, Group, Host, Interface, InterfaceAddress, IoCounters, MemoryInfo, Mount, Process, ProcessBrief,
    Socket, SocketOwner, SocketState, StartTime, Transport, User, may_be_cut, whole_name,
};
