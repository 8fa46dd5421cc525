//! The embedded database: one SQLite file, one writing thread, a pool of readers.

mod clients;
mod flows;
mod migrations;
mod packet;
mod readers;
mod rows;
mod settings;
mod users;
mod writer;

use crate::Result;
use readers::Readers;
use rusqlite::Connection;
use std::path::Path;
use writer::Writer;

/// [`crate::Database`] in a SQLite file.
#[derive(Debug)]
pub struct SqliteDatabase {
    writer: Writer,
    readers: Readers,
}

impl SqliteDatabase {
    /// Opens, and makes or upgrades when needed, the database file.
    pub fn open(path: &Path) -> Result<SqliteDatabase> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        connection.set_prepared_statement_cache_capacity(128);
        // WAL lets readers run beside the writer; FULL flushes each commit, because a commit is what agents are told.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;",
        )?;
        migrations::run(&mut connection)?;
        Ok(SqliteDatabase {
            writer: Writer::start(connection)?,
            readers: Readers::new(path),
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
        self.writer.run(work).await
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
