//! Read-only connections to the file.

use super::tx::SqliteTx;
use crate::Result;
use crate::sql::{Tx, readers};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    connections: readers::Readers<Connection>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Readers {
        Readers {
            path: path.to_owned(),
            connections: readers::Readers::new(),
        }
    }

    /// Runs `work` on a thread for blocking work.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let path = self.path.clone();
        let read = move |idle: &readers::Idle<Connection>| {
            let connection = match idle.take() {
                Some(connection) => connection,
                None => open(&path)?,
            };
            let result = work(&SqliteTx(&connection));
            idle.give_back(connection);
            result
        };
        self.connections.run(read).await
    }
}

pub(super) fn open(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    super::prepare(&connection)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
