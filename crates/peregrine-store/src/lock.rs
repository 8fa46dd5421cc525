//! One process per datastore folder.

use crate::{Error, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// Holds the folder until dropped; the operating system releases it when the process dies.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Creates the folder when missing and takes it, or says who cannot have it.
    pub fn take(folder: &Path) -> Result<FolderLock> {
        std::fs::create_dir_all(folder)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::Locked(folder.display().to_string())),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}
