//! Opening a database.

use super::postgres::{Postgres, PostgresSettings};
use super::sqlite::Sqlite;
use super::{Engine, OrgDatabase};
use crate::objects::Objects;
use crate::rows::RowObjects;
use crate::{Error, Result};
use peregrine_base::OrgId;
use std::path::PathBuf;
use std::sync::Arc;

/// Location of a database.
#[derive(Debug, Clone)]
pub enum SqlAddress {
    /// A SQLite file.
    File(PathBuf),
    /// A database on a PostgreSQL server.
    Postgres(Box<PostgresSettings>),
}

/// An open SQL database with the data of all organisations. Clones share it.
#[derive(Debug, Clone)]
pub struct SqlStore {
    engine: Arc<Engine>,
    rows: Option<RowObjects>,
}

impl From<PostgresSettings> for SqlAddress {
    fn from(settings: PostgresSettings) -> SqlAddress {
        SqlAddress::Postgres(Box::new(settings))
    }
}

impl std::fmt::Display for SqlAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SqlAddress::File(path) => write!(f, "`{}`", path.display()),
            SqlAddress::Postgres(settings) => f.write_str(settings.name()),
        }
    }
}

impl SqlAddress {
    /// Opens the database, creating or upgrading its schema if needed. Blocks until the server has answered.
    pub fn open(self) -> Result<SqlStore> {
        Ok(SqlStore::new(match self {
            SqlAddress::File(path) => Engine::Sqlite(Sqlite::open(&path)?),
            SqlAddress::Postgres(settings) => {
                Engine::Postgres(on_own_thread(move || Postgres::open(*settings))?)
            }
        }))
    }

    /// Opens the database for reading only, even while a server works on it; every write fails with [`Error::ReadOnly`].
    pub fn open_read_only(self) -> Result<SqlStore> {
        Ok(SqlStore::new(match self {
            SqlAddress::File(path) => Engine::Sqlite(Sqlite::open_read_only(&path)?),
            SqlAddress::Postgres(settings) => {
                Engine::Postgres(on_own_thread(move || Postgres::open_read_only(*settings))?)
            }
        }))
    }
}

/// Runs `work` on its own thread: the PostgreSQL client brings a runtime, which cannot be created within another one.
fn on_own_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let thread = std::thread::Builder::new()
        .name("postgres-open".into())
        .spawn(work)?;
    thread.join().map_err(|_| Error::Closed)?
}

impl SqlStore {
    fn new(engine: Engine) -> SqlStore {
        SqlStore {
            engine: Arc::new(engine),
            rows: None,
        }
    }

    /// Stores chunks of more than `beyond` bytes as objects, indexed by the database; see [`crate::LARGE_CHUNK`]. Chunks
    /// already stored as objects are read from there, whatever their size.
    #[must_use]
    pub fn with_objects(self, objects: Arc<dyn Objects>, beyond: usize) -> SqlStore {
        SqlStore {
            rows: Some(RowObjects::new(objects, beyond)),
            ..self
        }
    }

    /// The data of one organisation.
    pub fn org(&self, org: &OrgId) -> OrgDatabase {
        OrgDatabase::new(self.engine.clone(), org.clone(), self.rows.clone())
    }

    /// How many acknowledged transactions were missing when the database was opened; 0 if nothing was lost.
    pub fn missing_transactions(&self) -> u64 {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.missing_transactions(),
            Engine::Postgres(_) => 0,
        }
    }
}
