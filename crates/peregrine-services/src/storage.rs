//! The three stores a server works on.

use crate::{Error, Result};
use peregrine_store::{
    Bus, CloudObjects, CloudOptions, Database, FolderLock, FolderObjects, LARGE_CHUNK, LocalBus, Objects,
    OrgId, SqlAddress, SqlStore,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Clone)]
pub struct Storage {
    /// State and rows.
    pub database: Arc<dyn Database>,
    /// Files.
    pub objects: Arc<dyn Objects>,
    /// Notifications.
    pub bus: Arc<dyn Bus>,
    /// The data folder; shown on the status page.
    pub place: PathBuf,
    /// How messages call the database.
    pub(crate) database_name: String,
    /// A file whose only purpose is to be deleted when the disk is full.
    reserve: Option<PathBuf>,
    /// A problem found on opening, to show to the administrator.
    pub warning: Option<String>,
    /// The database if it was opened here; [`Storage::connect_objects`] needs it to move large rows into the bucket.
    sql: Option<SqlStore>,
    /// Keeps other processes out of an embedded store.
    _lock: Option<Arc<FolderLock>>,
}

/// Path of the reserve file in a data folder; see [`Storage::keep_reserve`].
pub(crate) fn reserve_in(folder: &Path) -> PathBuf {
    folder.join("reserve")
}

/// Folder of the object store when there is no bucket.
fn objects_in(folder: &Path) -> PathBuf {
    folder.join("objects")
}

/// The database, with chunks of rows larger than `beyond` bytes stored among the objects.
fn with_rows(sql: &SqlStore, objects: &Arc<dyn Objects>, beyond: usize) -> Arc<dyn Database> {
    let sql = sql.clone().with_objects(objects.clone(), beyond);
    Arc::new(sql.org(&OrgId::root()))
}

/// Size of the reserve file.
const RESERVE: usize = 16 << 20;

impl Storage {
    /// Everything in one folder of this machine.
    pub fn embedded(folder: &Path) -> Result<Storage> {
        Storage::open(folder, Storage::embedded_database(folder))
    }

    /// Address of the SQLite database in a data folder.
    pub fn embedded_database(folder: &Path) -> SqlAddress {
        SqlAddress::File(folder.join("peregrine.db"))
    }

    /// A folder of this machine, and a database that may be elsewhere.
    pub fn open(folder: &Path, database: SqlAddress) -> Result<Storage> {
        let lock = FolderLock::take(folder)?;
        let database_name = format!("database {database}");
        let sql = database.open()?;
        let warning = match sql.missing_transactions() {
            0 => None,
            count => Some(format!(
                "data was lost: the database lacks the last {count} transactions that were acknowledged; its log file was \
                 damaged, or an older copy of it was put in place"
            )),
        };
        let objects: Arc<dyn Objects> = Arc::new(FolderObjects::open(&objects_in(folder))?);
        Ok(Storage {
            warning,
            database: with_rows(&sql, &objects, usize::MAX),
            sql: Some(sql),
            objects,
            bus: Arc::new(LocalBus::new()),
            place: folder.to_owned(),
            database_name,
            reserve: Some(reserve_in(folder)),
            _lock: Some(Arc::new(lock)),
        })
    }

    /// If an address such as `s3://bucket/folder` is given, keeps files in that bucket, and also the large rows of a database
    /// server. Fails if the bucket does not work.
    pub async fn connect_objects(&mut self, address: Option<&str>, options: &CloudOptions) -> Result<()> {
        if let Some(address) = address {
            self.objects = Arc::new(CloudObjects::connect(address, options).await?);
            if let Some(sql) = &self.sql {
                // A database file stays complete, so that copying it copies all rows.
                let beyond = if self.database.is_shared() {
                    LARGE_CHUNK
                } else {
                    usize::MAX
                };
                self.database = with_rows(sql, &self.objects, beyond);
            }
        }
        Ok(())
    }

    /// Opens a server's database for reading only, which works while the server runs. `bucket` is the one of its configuration.
    pub fn read_only(
        folder: &Path,
        database: SqlAddress,
        bucket: Option<&str>,
        options: &CloudOptions,
    ) -> Result<Arc<dyn Database>> {
        let objects: Arc<dyn Objects> = match bucket {
            Some(address) => Arc::new(CloudObjects::open(address, options)?),
            None => Arc::new(FolderObjects::existing(&objects_in(folder))),
        };
        Ok(with_rows(&database.open_read_only()?, &objects, usize::MAX))
    }

    /// Creates the reserve file, unless it exists or the disk has no room for it.
    pub async fn keep_reserve(&self) {
        let Some(path) = self.reserve.clone().filter(|path| !path.exists()) else {
            return;
        };
        let has_room = self
            .objects
            .free_bytes()
            .await
            .is_none_or(|free| free > 8 * RESERVE as u64);
        if !has_room {
            return;
        }
        let made = tokio::task::spawn_blocking(move || {
            // Renamed when complete: the name must mean that all of it is there.
            let part = path.with_extension("part");
            let made =
                std::fs::write(&part, vec![0xff_u8; RESERVE]).and_then(|()| std::fs::rename(&part, &path));
            made.inspect_err(|_| {
                let _ = std::fs::remove_file(&part);
            })
        });
        if let Ok(Err(error)) = made.await {
            tracing::warn!(%error, "no reserve for a full disk");
        }
    }

    /// Deletes something, which needs some space, too: where the disk is full, that of the reserve.
    pub(crate) async fn delete_even_if_full<T, F>(&self, delete: impl Fn() -> F) -> peregrine_store::Result<T>
    where
        F: Future<Output = peregrine_store::Result<T>>,
    {
        match delete().await {
            Err(peregrine_store::Error::Full(_)) if self.free_reserve() => delete().await,
            deleted => deleted,
        }
    }

    /// Deletes the reserve file to free its space; false if there was none.
    fn free_reserve(&self) -> bool {
        self.reserve
            .as_ref()
            .is_some_and(|path| std::fs::remove_file(path).is_ok())
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
            database_name: format!("the database of `{}`", place.display()),
            place,
            reserve: None,
            warning: None,
            sql: None,
            _lock: None,
        }
    }

    pub fn object_root(&self) -> Result<PathBuf> {
        std::path::absolute(&self.place).map_err(|error| Error::Io(self.place.display().to_string(), error))
    }
}
