//! Replaces `stored.rs` in a program without a server: there are no arguments for stored data, and queries
//! cannot read any.

use peregrine_engine::context::ContextBuilder;

/// No arguments.
#[derive(clap::Args)]
pub(crate) struct StoredArgs {}

/// Cannot be constructed.
pub(crate) enum Opened {}

impl StoredArgs {
    /// There are no such options.
    #[cfg(feature = "tools")]
    pub(crate) fn option(&self) -> Option<&'static str> {
        None
    }

    /// There is never anything to open.
    pub(crate) fn open(&self) -> anyhow::Result<Option<Opened>> {
        Ok(None)
    }
}

impl Opened {
    pub(crate) fn extend(&self, _: ContextBuilder) -> ContextBuilder {
        match *self {}
    }
}
