//! Suites that every implementation of a seam must pass: `testing::sql(async || …).await`.
//!
//! A suite gets a closure that makes fresh, empty stores, and panics on the first difference.

#![allow(clippy::unwrap_used)] // this is test code that other crates call

mod bus;
mod objects;
mod sql;

use crate::{ClientId, FlowId, Hunt, HuntCondition, HuntState, HuntTotals};
use std::fmt::Display;

pub use bus::bus;
pub use objects::objects;
pub use sql::{delete_events_before, sql};

/// The client of this id.
pub fn client_id(id: impl Display) -> ClientId {
    id.to_string().parse().unwrap()
}

/// The collection of this id.
pub fn flow_id(id: impl Display) -> FlowId {
    id.to_string().parse().unwrap()
}

/// A running hunt for all clients, made by `Ann` and without a limit, that expires at 1000.
pub fn running_hunt(id: impl Display) -> Hunt {
    Hunt {
        hunt_id: id.to_string().parse().unwrap(),
        state: HuntState::Running,
        stop_reason: None,
        description: "Find the Ärger".into(),
        creator: "Ann".into(),
        tags: vec!["web".into()],
        created: 10,
        started: Some(20),
        expires: 1000,
        condition: HuntCondition::default(),
        client_limit: 0,
        request: r#"{"artifacts":[{"artifact":"A"}]}"#.into(),
        artifacts: vec!["A".into()],
        sources: vec!["A/S".into()],
        urgent: false,
        version: 20_000,
        joined: 0,
        totals: HuntTotals::default(),
    }
}
