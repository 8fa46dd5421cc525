//! The tracker against lists, events and the truth.

mod journal;
mod scenarios;
mod storm;
mod truth;
mod zombies;
