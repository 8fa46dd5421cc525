//! The server's logic, independent of protocols: clients, flows, hunts, events, monitoring, users, the audit log, and
//! tables over stored rows.
//!
//! Everything here is a function over [`Core`]. REST, gRPC and VQL call it, and the gateway delivers its tasks; this crate knows
//! none of them. Notifications go out over the bus ([`changes`]).
//!
//! Deliberately absent: HTTP, sockets, the configuration file, and status codes ([`Error`] has none).

#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "used inside this workspace only: a name that says it all needs no sentence"
)]

pub mod audit;
pub mod changes;
pub mod clients;
pub mod clock;
mod core;
mod deployment;
mod error;
pub mod events;
pub mod flows;
pub mod hunts;
pub mod launch;
pub mod monitoring;
pub mod servers;
mod storage;
pub mod table;
pub mod users;

pub use core::{Core, Settings};
pub use error::{Error, Result};
pub use storage::Storage;
