//! The place of `stored.rs` in a program without a server: no argument names stored data, and no query reads any.

use peregrine_engine::context::ContextBuilder;

/// No arguments.
#[derive(clap::Args)]
pub(crate) struct StoredArgs {}

/// Cannot be had.
pub(crate) enum Opened {}

impl StoredArgs {
    /// Nothing was named.
    pub(crate) fn open(&self) -> anyhow::Result<Option<Opened>> {
        Ok(None)
    }
}

impl Opened {
    pub(crate) fn extend(&self, _: ContextBuilder) -> ContextBuilder {
        match *self {}
    }
}
