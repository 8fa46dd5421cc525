//! Every implementation passes its suite, and what only some of them promise.

#![allow(clippy::unwrap_used)]

mod embedded;
mod postgres;
mod upgrade;
