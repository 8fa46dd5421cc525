//! The embedded database: one SQLite file, one writing thread, a pool of readers.

mod clients;
mod flows;
mod mark;
mod migrations;
mod missing;
mod packet;
mod readers;
mod rows;
mod settings;
mod users;
mod writer;

use crate::{Error, Result};
use readers::Readers;
use rusqlite::Connection;
use std::path::Path;
use writer::Writer;

/// [`crate::Database`] in a SQLite file.
#[derive(Debug)]
pub struct SqliteDatabase {
    /// None: opened for reading only.
    writer: Option<Writer>,
    readers: Readers,
    missing: u64,
}

impl SqliteDatabase {
    /// Opens, and makes or upgrades when needed, the database file.
    pub fn open(path: &Path) -> Result<SqliteDatabase> {
        mark::check_presence(path)?;
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        connection.set_prepared_statement_cache_capacity(128);
        // WAL lets readers run beside the writer; FULL flushes each commit, because a commit is what agents are told.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;",
        )?;
        migrations::run(&mut connection)?;
        let (mark, missing) = mark::Mark::open(path, &connection)?;
        if missing > 0 {
            tracing::error!(
                database = %path.display(),
                transactions = missing,
                "DATA IS LOST: the database lacks transactions that were acknowledged; its log file was damaged or an \
                 older copy was put in place; restore a backup, or collect again what is missing"
            );
        }
        Ok(SqliteDatabase {
            writer: Some(Writer::start(connection, mark)?),
            readers: Readers::new(path),
            missing,
        })
    }

    /// How many acknowledged transactions were missing when the database was opened; 0 when all is well.
    pub fn missing_transactions(&self) -> u64 {
        self.missing
    }

    /// Opens a database file for reading only, also while a server works on it; every write answers [`Error::ReadOnly`].
    pub fn open_read_only(path: &Path) -> Result<SqliteDatabase> {
        migrations::check(&readers::open(path)?)?;
        Ok(SqliteDatabase {
            writer: None,
            readers: Readers::new(path),
            missing: 0,
        })
    }

    /// Bounds the file to so many pages, to see what a full disk does.
    #[doc(hidden)]
    pub async fn limit_pages(&self, pages: u32) -> Result<()> {
        self.write(move |sql| {
            sql.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
            Ok(())
        })
        .await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.writer.as_ref().ok_or(Error::ReadOnly)?.run(work).await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.run(work).await
    }
}

/// JSON of a value that always has one.
fn to_json(value: &impl serde::Serialize) -> Result<String> {
    Ok(serde_json::to_string(value)?)
}

/// A column of JSON, read inside a rusqlite row mapper.
fn from_json<T: serde::de::DeserializeOwned>(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::{ClientStore, SettingStore};

    #[tokio::test]
    async fn read_only_reads_beside_the_writer_and_never_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peregrine.db");
        assert!(SqliteDatabase::open_read_only(&path).is_err(), "nothing is made");
        assert!(!path.exists());
        let writing = SqliteDatabase::open(&path).unwrap();
        let reading = SqliteDatabase::open_read_only(&path).unwrap();
        writing.enrol("C.1", "key", 5).await.unwrap();
        assert_eq!(reading.client_key("C.1").await.unwrap().as_deref(), Some("key"));
        assert!(matches!(
            reading.set_setting("a", "b").await,
            Err(Error::ReadOnly)
        ));
        writing
            .write(|sql| Ok(sql.pragma_update(None, "user_version", 0)?))
            .await
            .unwrap();
        drop((writing, reading));
        assert!(matches!(
            SqliteDatabase::open_read_only(&path),
            Err(Error::SchemaTooOld { found: 0, .. })
        ));
    }
}
