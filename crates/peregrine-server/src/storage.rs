//! The three stores a server works on.

use crate::{Error, Result};
use peregrine_store::{Bus, Database, FolderLock, FolderObjects, LocalBus, Objects, SqliteDatabase};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where everything is kept.
#[derive(Clone)]
pub struct Storage {
    /// State and rows.
    pub database: Arc<dyn Database>,
    /// Files.
    pub objects: Arc<dyn Objects>,
    /// "Look now".
    pub bus: Arc<dyn Bus>,
    /// Shown on the status page.
    pub place: PathBuf,
    /// What was found wrong when it was opened.
    pub(crate) warning: Option<String>,
    /// Keeps other processes out of an embedded store.
    _lock: Option<Arc<FolderLock>>,
}

impl Storage {
    /// The embedded store: everything in one folder of this machine.
    pub fn embedded(folder: &Path) -> Result<Storage> {
        let lock = FolderLock::take(folder)?;
        let database = SqliteDatabase::open(&folder.join("peregrine.db"))?;
        let warning = match database.missing_transactions() {
            0 => None,
            count => Some(format!(
                "data was lost: the database lacks the last {count} transactions that were acknowledged; its log file was \
                 damaged, or an older copy of it was put in place"
            )),
        };
        Ok(Storage {
            warning,
            database: Arc::new(database),
            objects: Arc::new(FolderObjects::open(&folder.join("objects"))?),
            bus: Arc::new(LocalBus::new()),
            place: folder.to_owned(),
            _lock: Some(Arc::new(lock)),
        })
    }

    /// Stores opened elsewhere.
    pub fn new(
        database: Arc<dyn Database>,
        objects: Arc<dyn Objects>,
        bus: Arc<dyn Bus>,
        place: PathBuf,
    ) -> Storage {
        Storage {
            database,
            objects,
            bus,
            place,
            warning: None,
            _lock: None,
        }
    }

    pub(crate) fn object_root(&self) -> Result<PathBuf> {
        std::path::absolute(&self.place).map_err(|error| Error::Io(self.place.display().to_string(), error))
    }
}
