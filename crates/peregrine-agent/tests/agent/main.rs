//! The agent against a scripted server. What looks at the memory of the whole process is a program of its own.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod collections;
#[path = "../common/mod.rs"]
mod common;
mod monitoring;
mod transport;
mod uploads;
