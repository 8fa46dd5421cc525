//! Suites that every implementation of a seam must pass: `testing::sql(async || …).await`.
//!
//! A suite gets a closure that makes fresh, empty stores, and panics on the first difference.

#![allow(clippy::unwrap_used)] // this is test code that other crates call

mod bus;
mod objects;
mod sql;

use crate::{ClientId, FlowId};
use std::fmt::Display;

pub use bus::bus;
pub use objects::objects;
pub use sql::sql;

/// The client of this id.
pub fn client_id(id: impl Display) -> ClientId {
    id.to_string().parse().unwrap()
}

/// The collection of this id.
pub fn flow_id(id: impl Display) -> FlowId {
    id.to_string().parse().unwrap()
}
