//! A PostgreSQL database: connections that write in shared transactions, and a pool of readers.

mod connection;
mod readers;
mod settings;
mod statement;
mod text;
mod tx;
mod writer;

pub use settings::PostgresSettings;

use super::migrations::Dialect;
use super::{Tx, migrations};
use crate::{Error, Result};
use connection::{Access, Connection};
use postgres::error::SqlState;
use readers::Readers;
use std::cell::RefCell;
use std::sync::Arc;
use tx::PostgresTx;
use writer::Writer;

/// Advisory lock held while the schema is upgraded: several servers may start at once.
const MIGRATION_LOCK: i64 = 0x7065_7265_6772_696e;

/// A database on a PostgreSQL server.
#[derive(Debug)]
pub(crate) struct Postgres {
    /// `None` if opened for reading only.
    writer: Option<Writer>,
    readers: Readers,
}

impl Postgres {
    /// Connects, and creates or upgrades the schema if needed.
    pub(super) fn open(settings: PostgresSettings) -> Result<Postgres> {
        let settings = Arc::new(settings);
        let mut connection = Connection::open(&settings, Access::Write)?;
        migrate(&mut connection)?;
        Ok(Postgres {
            writer: Some(Writer::start(&settings)?),
            readers: Readers::new(settings),
        })
    }

    /// Connects for reading only; every write fails with [`Error::ReadOnly`].
    pub(super) fn open_read_only(settings: PostgresSettings) -> Result<Postgres> {
        let mut connection = Connection::open(&settings, Access::Read)?;
        let tx: &dyn Tx = &PostgresTx(RefCell::new(&mut connection));
        let has_tables: bool = tx.one("SELECT to_regclass('schema_version') IS NOT NULL", &[])?;
        let version = match has_tables {
            true => version(tx)?,
            false => None,
        };
        migrations::check(version.unwrap_or(0))?;
        Ok(Postgres {
            writer: None,
            readers: Readers::new(Arc::new(settings)),
        })
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        subject: &super::Subject,
        work: impl FnMut(&dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let writer = self.writer.as_ref().ok_or(Error::ReadOnly)?;
        writer.run(subject, work).await
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnMut(&dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.run(work).await
    }
}

/// Applies the missing steps, each in one transaction. The table `schema_version` holds the number of the last step.
fn migrate(connection: &mut Connection) -> Result<()> {
    connection.batch("BEGIN")?;
    let migrated = steps(connection);
    let end = if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.batch(end)?;
    migrated
}

fn steps(connection: &mut Connection) -> Result<()> {
    connection.batch(&format!(
        "SELECT pg_advisory_xact_lock({MIGRATION_LOCK});
         CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)"
    ))?;
    let found = version(&PostgresTx(RefCell::new(connection)))?;
    for script in migrations::after(found.unwrap_or(0), Dialect::Postgres)? {
        connection.batch(&script.text)?;
        if let Some(then) = script.then {
            then(&PostgresTx(RefCell::new(connection)))?;
        }
    }
    if found != Some(migrations::KNOWN) {
        connection.batch(&format!(
            "DELETE FROM schema_version; INSERT INTO schema_version VALUES ({})",
            migrations::KNOWN
        ))?;
    }
    Ok(())
}

fn version(tx: &dyn Tx) -> Result<Option<i64>> {
    tx.first("SELECT version FROM schema_version", &[], |row| row.take(0))
}

/// Whether the failure is temporary: another transaction was in the way, or the server is starting, stopping or gone.
fn is_worth_repeating(error: &Error) -> bool {
    matches!(error, Error::Busy(_))
}

impl From<postgres::Error> for Error {
    fn from(error: postgres::Error) -> Error {
        let text = describe(&error);
        let Some(code) = error.code() else {
            // An error of the connection, not an answer of the server.
            return if error.is_closed()
                || std::error::Error::source(&error).is_some_and(|source| source.is::<std::io::Error>())
            {
                Error::Busy(text)
            } else {
                Error::Sql(text)
            };
        };
        match *code {
            SqlState::DISK_FULL => Error::Full(text),
            SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => Error::Damaged(text),
            SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::CANNOT_CONNECT_NOW
            | SqlState::TOO_MANY_CONNECTIONS
            | SqlState::LOCK_NOT_AVAILABLE
            | SqlState::OUT_OF_MEMORY => Error::Busy(text),
            _ => Error::Sql(text),
        }
    }
}

/// The server's message, or the library's with all its causes. It contains no values of statements.
fn describe(error: &postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return format!("{} ({})", error.message(), error.code().code());
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
