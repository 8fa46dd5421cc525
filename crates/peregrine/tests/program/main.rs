//! The program as a user runs it.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod catalogue;
mod golden;
mod lint;
mod manual;
mod query;
mod query_terminal;
mod remap;
mod shell;
mod shell_terminal;
mod terminal;
