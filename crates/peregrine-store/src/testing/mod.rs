//! Suites that every implementation of a seam must pass: `testing::sql(async || …).await`.
//!
//! A suite gets a closure that makes fresh, empty stores, and panics on the first difference.

#![allow(clippy::unwrap_used)] // this is test code that other crates call

mod bus;
mod objects;
mod sql;

pub use bus::bus;
pub use objects::objects;
pub use sql::sql;
