//! What people and programs send to a server, and what it answers: the one definition of the REST and push contract.
//!
//! Plain data, a file for each area. A request refuses what it does not know, so that a misspelt limit is not silently no
//! limit; an answer may get more members at any time. Names and order of members are those of the JSON. The types of the GUI
//! are made from these (`typescript.rs`).
//!
//! Times are RFC 3339 in UTC, sizes are bytes. JSON stands for itself ([`serde_json::Value`]) only where the content is
//! somebody else's: cells of rows, what an agent reports, details of the audit log.

#![forbid(unsafe_code)]

pub mod artifacts;
pub mod clients;
pub mod error;
pub mod flows;
pub mod monitoring;
pub mod processes;
pub mod push;
pub mod search;
pub mod session;
pub mod status;
pub mod table;

#[cfg(test)]
mod typescript;
