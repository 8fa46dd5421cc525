//! The stores of a server, as queries reach them.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

use peregrine_engine::prelude::*;
use peregrine_store::Database;
use tokio::runtime::Handle;

/// What a server has stored. An extension of a query's context; without it, nothing here answers.
pub struct Stored {
    pub(crate) database: Arc<dyn Database>,
    runtime: Handle,
}

impl Stored {
    /// Queries wait for the database on threads of their own; its work is done on `runtime`.
    #[must_use]
    pub fn new(database: Arc<dyn Database>, runtime: Handle) -> Stored {
        Stored { database, runtime }
    }

    /// That of the query, if it may read results.
    pub(crate) fn of(scope: &Scope) -> VqlResult<Arc<Stored>> {
        let stored = scope.extension::<Stored>().ok_or(
            "Command can only run on the server; `peregrine query --datastore DIR` reads the data folder of one",
        )?;
        scope.check_access(Permission::ReadResults)?;
        Ok(stored)
    }

    /// What the stores answer.
    pub(crate) fn wait<T, E: Display>(
        &self,
        answer: impl Future<Output = std::result::Result<T, E>>,
    ) -> VqlResult<T> {
        let answer = self.runtime.block_on(answer);
        answer.map_err(|error| VqlError::Message(error.to_string()))
    }
}
