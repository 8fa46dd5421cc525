//! Tests of `peregrine-store`: each implementation of a seam passes its suite, and keeps the promises that only it makes.

#![allow(clippy::unwrap_used)]

mod cloud;
mod embedded;
mod nats;
mod postgres;
mod row_objects;
mod s3_server;
mod upgrade;
