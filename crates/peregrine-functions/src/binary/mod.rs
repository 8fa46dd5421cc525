//! Binary structures described by a profile: what `parse_binary()` is made of.
//!
//! A profile is compiled once a query ([`Profile`]); data are read in pages ([`Data`]); what comes out are objects that
//! read a field when somebody asks for it. Neither profile nor data are trusted: nesting is bounded, a field that needs
//! itself is NULL, and each root object has a budget of work, after which everything is NULL, with one message.

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
