//! The program as a user runs it. Tests that need all features are about the whole program; the others hold
//! for every choice of features.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[cfg(feature = "default")]
mod catalogue;
#[cfg(feature = "default")]
mod golden;
#[cfg(feature = "default")]
mod lint;
#[cfg(feature = "default")]
mod manual;
mod query;
mod query_terminal;
mod remap;
#[cfg(feature = "default")]
mod shell;
#[cfg(feature = "default")]
mod shell_terminal;
mod terminal;
#[cfg(feature = "default")]
mod words;
