//! Access of queries to a server's database.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

use peregrine_engine::prelude::*;
use peregrine_store::Database;
use tokio::runtime::Handle;

/// A server's database, as an extension of a query's context. Without it, everything in this crate fails.
pub struct Stored {
    pub(crate) database: Arc<dyn Database>,
    runtime: Handle,
}

impl Stored {
    /// Queries run on threads of their own and block them while the database works on `runtime`.
    #[must_use]
    pub fn new(database: Arc<dyn Database>, runtime: Handle) -> Stored {
        Stored { database, runtime }
    }

    /// The extension, if the query has one and may read results.
    pub(crate) fn of(scope: &Scope) -> VqlResult<Arc<Stored>> {
        let stored = scope.extension::<Stored>().ok_or(
            "Command can only run on the server; `peregrine query --datastore DIR` reads the data folder of one",
        )?;
        scope.check_access(Permission::ReadResults)?;
        Ok(stored)
    }

    /// Blocks until the database has answered.
    pub(crate) fn wait<T, E: Display>(
        &self,
        answer: impl Future<Output = std::result::Result<T, E>>,
    ) -> VqlResult<T> {
        let answer = self.runtime.block_on(answer);
        answer.map_err(|error| VqlError::Message(error.to_string()))
    }
}
