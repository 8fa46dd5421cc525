//! What `peregrine-store` does: each implementation of a seam passes its suite, and what only that one promises.

#![allow(clippy::unwrap_used)]

mod cloud;
mod embedded;
mod nats;
mod postgres;
mod row_objects;
mod s3_server;
mod upgrade;
