//! An open database, SQLite or PostgreSQL.

use super::{Subject, Tx, postgres::Postgres, sqlite::Sqlite};
use crate::Result;

#[derive(Debug)]
pub(crate) enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Engine {
    /// Runs `work` in a transaction and returns once it is committed. `work` may run more than once.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        subject: Subject,
        work: impl FnMut(&dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match self {
            // SQLite has a single writing thread, so the subject does not matter.
            Engine::Sqlite(sqlite) => sqlite.write(work).await,
            Engine::Postgres(postgres) => postgres.write(&subject, work).await,
        }
    }

    /// Runs read-only `work`, which may run more than once.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnMut(&dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match self {
            Engine::Sqlite(sqlite) => sqlite.read(work).await,
            Engine::Postgres(postgres) => postgres.read(work).await,
        }
    }

    /// Moves everything acknowledged out of SQLite's write-ahead log. PostgreSQL does that by itself.
    pub(crate) async fn checkpoint(&self) -> Result<()> {
        match self {
            Engine::Sqlite(sqlite) => sqlite.checkpoint().await,
            Engine::Postgres(_) => Ok(()),
        }
    }
}
