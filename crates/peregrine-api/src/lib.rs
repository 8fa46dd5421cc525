//! What people and programs send to a server, and what it answers: the one definition of the REST and push contract.
//!
//! Plain data, one file per area. Unknown members of a request are refused, so that a misspelt limit does not silently
//! mean no limit; answers may get more members at any time. Names and order of members are those in the JSON. The GUI's
//! types are generated from these (`typescript.rs`).
//!
//! Times are RFC 3339 in UTC, sizes are bytes. Free-form JSON ([`serde_json::Value`]) is used only where others define
//! the content: cells of rows, what an agent reports, details of the audit log.

#![forbid(unsafe_code)]

pub mod artifacts;
pub mod clients;
pub mod error;
pub mod favorites;
pub mod flows;
pub mod hunts;
pub mod monitoring;
pub mod processes;
pub mod push;
pub mod queries;
pub mod search;
pub mod session;
pub mod status;
pub mod table;

#[cfg(test)]
mod typescript;
