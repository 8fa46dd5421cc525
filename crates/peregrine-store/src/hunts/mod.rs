//! Hunts: collections from all clients that match a condition, each of which takes part at most once.

mod condition;
mod join;
mod members;
mod record;
mod results;
mod sql;

pub use record::*;
