//! The agent against a scripted server. Tests that measure the memory of the whole process are separate
//! programs.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod collections;
#[path = "../common/mod.rs"]
mod common;
mod monitoring;
mod transport;
mod uploads;
