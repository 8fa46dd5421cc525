//! One process per datastore folder.

use crate::{Error, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// Holds the folder until dropped; the operating system releases it when the process dies.
#[derive(Debug)]
pub struct FolderLock {
    file: File,
}

impl FolderLock {
    /// Creates the folder if it is missing and locks it; [`Error::Locked`] if another process holds it.
    pub fn take(folder: &Path) -> Result<FolderLock> {
        std::fs::create_dir_all(folder)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock { file }),
            Err(TryLockError::WouldBlock) => Err(Error::Locked(folder.display().to_string())),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing is not enough: a child that hangs between fork and exec still has the file open, and the lock with it.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::FolderLock;

    #[test]
    fn a_program_that_hangs_while_it_starts_does_not_keep_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(folder.path()).unwrap();
        // Stands for a child that inherited the file and has not yet started its own program.
        let _of_child = lock.file.try_clone().unwrap();
        drop(lock);
        FolderLock::take(folder.path()).unwrap();
    }
}
