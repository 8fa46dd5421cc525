//! The envelope and the files of agents, from outside.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;
mod configuration;
mod keys;
mod packets;
mod samples;
