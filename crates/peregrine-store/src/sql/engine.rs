//! A database that is open, whichever it is.

use super::{Subject, Tx, postgres::Postgres, sqlite::Sqlite};
use crate::Result;

#[derive(Debug)]
pub(crate) enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Engine {
    /// Runs `work` inside a transaction; returns after it was committed. It may run more than once.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        subject: Subject,
        work: impl FnMut(&dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match self {
            // One thread writes, whatever it is about.
            Engine::Sqlite(sqlite) => sqlite.write(work).await,
            Engine::Postgres(postgres) => postgres.write(&subject, work).await,
        }
    }

    /// Runs `work`, which only reads. It may run more than once.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnMut(&dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match self {
            Engine::Sqlite(sqlite) => sqlite.read(work).await,
            Engine::Postgres(postgres) => postgres.read(work).await,
        }
    }

    /// Puts everything acknowledged where damage to a log cannot reach it. PostgreSQL sees to that itself.
    pub(crate) async fn checkpoint(&self) -> Result<()> {
        match self {
            Engine::Sqlite(sqlite) => sqlite.checkpoint().await,
            Engine::Postgres(_) => Ok(()),
        }
    }
}
