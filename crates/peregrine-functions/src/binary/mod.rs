//! Binary structures described by a profile: the implementation of `parse_binary()`.
//!
//! A profile is compiled once per query ([`Profile`]), and data is read in pages ([`Data`]). The results are
//! objects that read a field on demand. Neither profile nor data is trusted: nesting is bounded, a field that
//! depends on itself is NULL, and each root object has a budget of work, after which everything is NULL, with
//! one message.

mod array;
mod compile;
mod data;
mod kind;
mod options;
mod read;
mod session;
mod structure;
mod text;
mod var_int;

pub(crate) use data::{Data, PAGES};
pub(crate) use kind::Profile;
pub(crate) use session::Session;
pub(crate) use structure::Structure;
