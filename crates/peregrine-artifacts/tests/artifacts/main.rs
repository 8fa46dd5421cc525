//! Artifacts: definitions, repositories, requests, calls.

mod calls;
mod compile;
mod model;
mod reformat;
mod repository;
mod verify;
