//! Allows only one agent per state folder: two would overwrite each other's buffer and identity.
//!
//! The lock is on a file in the folder; the kernel releases it however the agent ends. The file's content
//! says who holds it.

use crate::state::files;
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Holds the lock while the agent is running.
pub(crate) struct FolderLock {
    file: File,
}

impl FolderLock {
    /// Locks the folder that contains this state file.
    pub(crate) fn take(state_file: &Path) -> anyhow::Result<FolderLock> {
        let folder = state_file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let path = lock_file(state_file);
        let mut file = files::open_own(&path).map_err(|error| {
            anyhow::anyhow!(
                "cannot lock the agent's folder with `{}`: {error}; check the folder and its permissions",
                path.display()
            )
        })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = (&file).take(20).read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "another agent".to_owned(),
                    pid => format!("another agent, process {pid},"),
                };
                anyhow::bail!(
                    "{holder} runs with the state folder `{}`; stop it, or give this one another folder (--state)",
                    folder.unwrap_or(Path::new(".")).display()
                );
            }
            // On a file system without locks, two agents cannot be told apart.
            Err(TryLockError::Error(error)) => {
                tracing::warn!(path = %path.display(), %error, "the agent's folder could not be locked");
                return Ok(FolderLock { file });
            }
        }
        // Only informative; on a full disk the lock is still valid.
        let noted = file
            .set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        if let Err(error) = noted {
            tracing::debug!(%error, "could not note the process in the lock file");
        }
        Ok(FolderLock { file })
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing is not enough: a child process that hung while starting also has the file open.
        let _ = self.file.unlock();
    }
}

fn lock_file(state_file: &Path) -> PathBuf {
    let mut name = state_file.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_agent_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("writeback.yaml");
        let lock = FolderLock::take(&path).unwrap();
        let error = FolderLock::take(&path).err().unwrap().to_string();
        let pid = std::process::id();
        assert!(error.contains(&format!("process {pid},")), "{error}");
        assert!(error.contains(&dir.path().display().to_string()), "{error}");
        drop(lock);
        FolderLock::take(&path).unwrap();
    }

    #[test]
    fn a_program_that_hangs_while_it_starts_does_not_keep_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("writeback.yaml");
        let lock = FolderLock::take(&path).unwrap();
        // As a child process has it until its own program runs.
        let _of_child = lock.file.try_clone().unwrap();
        drop(lock);
        FolderLock::take(&path).unwrap();
    }
}
