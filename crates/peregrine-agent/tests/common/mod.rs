//! A scripted server on 127.0.0.1, and an agent to talk to it.

#![allow(dead_code)] // each test file uses its part

mod agent;
mod server;

pub(crate) use agent::*;
pub(crate) use server::*;
