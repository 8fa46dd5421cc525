//! Code that several crates need and none of them owns. It knows nothing about VQL, agents or servers, does
//! no I/O by itself, and stays small: code belongs here once a second crate needs it.
#![forbid(unsafe_code)]

pub mod ids;
mod permission;
mod reader;
pub mod records;
pub mod suggest;
pub mod variables;

pub use ids::{ClientId, FlowId, HuntId, OrgId};
pub use permission::Permission;
pub use reader::{Reader, write_leb128};
