//! The embedded database: one SQLite file, one writing thread, a pool of readers.

mod mark;
mod readers;
mod tx;
mod writer;

use super::migrations::Dialect;
use super::{Tx, migrations};
use crate::{Error, Result};
use readers::Readers;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;
use tx::SqliteTx;
use writer::Writer;

/// A SQLite file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    /// `None` if opened for reading only.
    writer: Option<Writer>,
    readers: Readers,
    missing: u64,
}

impl Sqlite {
    /// Opens the database file, creating or upgrading it if needed.
    pub(super) fn open(path: &Path) -> Result<Sqlite> {
        mark::check_presence(path)?;
        let mut connection = Connection::open(path)?;
        prepare(&connection)?;
        connection.set_prepared_statement_cache_capacity(128);
        // WAL lets readers run beside the writer; FULL flushes each commit, because a commit is acknowledged to agents.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;",
        )?;
        migrate(&mut connection)?;
        let (mark, missing) = mark::Mark::open(path, &connection)?;
        if missing > 0 {
            tracing::error!(
                database = %path.display(),
                transactions = missing,
                "DATA IS LOST: the database lacks transactions that were acknowledged; its log file was damaged or an \
                 older copy was put in place; restore a backup, or collect again what is missing"
            );
        }
        Ok(Sqlite {
            writer: Some(Writer::start(connection, mark)?),
            readers: Readers::new(path),
            missing,
        })
    }

    /// Opens a database file for reading only, even while a server works on it; every write fails with
    /// [`Error::ReadOnly`].
    pub(super) fn open_read_only(path: &Path) -> Result<Sqlite> {
        migrations::check(version(&readers::open(path)?)?)?;
        Ok(Sqlite {
            writer: None,
            readers: Readers::new(path),
            missing: 0,
        })
    }

    /// How many acknowledged transactions were missing when the database was opened; 0 if nothing was lost.
    pub(super) fn missing_transactions(&self) -> u64 {
        self.missing
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let writer = self.writer.as_ref().ok_or(Error::ReadOnly)?;
        writer.run(work).await
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnMut(&dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.run(work).await
    }

    /// Moves everything committed from the log into the database file.
    pub(super) async fn checkpoint(&self) -> Result<()> {
        self.writer.as_ref().ok_or(Error::ReadOnly)?.checkpoint().await
    }
}

/// What every connection to the file needs. `LIKE` compares letters as they are, as on PostgreSQL: what is searched without
/// regard to case is stored folded.
fn prepare(connection: &Connection) -> Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.execute_batch("PRAGMA case_sensitive_like = ON;")?;
    // Otherwise SQLite prepares some statements, such as those with `LIMIT ?`, again for each value of their parameters.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Applies the missing steps, each in one transaction. `PRAGMA user_version` holds the number of the last step.
fn migrate(connection: &mut Connection) -> Result<()> {
    for script in migrations::after(version(connection)?, Dialect::Sqlite)? {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(&script.text)?;
        if let Some(then) = script.then {
            then(&SqliteTx(&transaction))?;
        }
        transaction.pragma_update(None, "user_version", script.number)?;
        transaction.commit()?;
    }
    Ok(())
}

fn version(connection: &Connection) -> Result<i64> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}
