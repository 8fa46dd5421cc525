//! What `peregrine-store` does: each implementation of a seam passes its suite, and what only that one promises.

mod embedded;
mod nats;
