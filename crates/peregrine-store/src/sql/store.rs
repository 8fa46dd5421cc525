//! Opening a database.

use super::postgres::{Postgres, PostgresSettings};
use super::sqlite::Sqlite;
use super::{Engine, OrgDatabase};
use crate::{Error, Result};
use peregrine_base::OrgId;
use std::path::Path;
use std::sync::Arc;

/// An open SQL database with everything of every organisation. Clones share it.
#[derive(Debug, Clone)]
pub struct SqlStore {
    engine: Arc<Engine>,
}

impl SqlStore {
    /// Opens, and makes or upgrades when needed, a SQLite file.
    pub fn sqlite(path: &Path) -> Result<SqlStore> {
        Ok(SqlStore::new(Engine::Sqlite(Sqlite::open(path)?)))
    }

    /// Opens a SQLite file for reading only, also while a server works on it; every write answers [`Error::ReadOnly`].
    pub fn sqlite_read_only(path: &Path) -> Result<SqlStore> {
        Ok(SqlStore::new(Engine::Sqlite(Sqlite::open_read_only(path)?)))
    }

    /// Connects to a PostgreSQL database, and makes or upgrades its tables when needed. Waits for the server.
    pub fn postgres(settings: PostgresSettings) -> Result<SqlStore> {
        // The client has a runtime of its own, which must not be made within another one.
        let opened = std::thread::spawn(move || Postgres::open(settings)).join();
        Ok(SqlStore::new(Engine::Postgres(
            opened.map_err(|_| Error::Closed)??,
        )))
    }

    fn new(engine: Engine) -> SqlStore {
        SqlStore {
            engine: Arc::new(engine),
        }
    }

    /// What belongs to one organisation.
    pub fn org(&self, org: &OrgId) -> OrgDatabase {
        OrgDatabase::new(self.engine.clone(), org.clone())
    }

    /// How many acknowledged transactions were missing when the database was opened; 0 when all is well.
    pub fn missing_transactions(&self) -> u64 {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.missing_transactions(),
            Engine::Postgres(_) => 0,
        }
    }

    /// Bounds a SQLite file to so many pages, to see what a full disk does.
    #[doc(hidden)]
    pub async fn limit_pages(&self, pages: u32) -> Result<()> {
        self.engine
            .write(super::Subject::Nothing, move |tx| {
                tx.query(&format!("PRAGMA max_page_count = {pages}"), &[], &mut |_| {
                    Ok(super::Next::Enough)
                })
            })
            .await
    }
}
