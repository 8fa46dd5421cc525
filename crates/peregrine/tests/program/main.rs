//! The program as a user runs it. What asks for all features is about the whole program; the rest holds for every choice of them.
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
