//! Objects in a local folder. Objects under construction live in `.parts`, so that readers never see half a file.

use crate::objects::{Appended, ObjectInfo, ObjectKey, ObjectReader, Objects};
use crate::{Error, Result};
use async_trait::async_trait;
use bytes::Bytes;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// Bytes read from disk at a time.
const PIECE: usize = 256 << 10;

/// Objects as files below a local folder.
#[derive(Debug)]
pub struct FolderObjects {
    root: PathBuf,
    next_temporary: AtomicU64,
}

impl FolderObjects {
    /// Opens the folder and creates it if it is missing.
    pub fn open(root: &Path) -> Result<FolderObjects> {
        fs::create_dir_all(root.join(".parts"))?;
        Ok(FolderObjects {
            root: root.to_owned(),
            next_temporary: AtomicU64::new(0),
        })
    }

    /// A folder that is only read from; it may be missing and is not created.
    pub fn existing(root: &Path) -> FolderObjects {
        FolderObjects {
            root: root.to_owned(),
            next_temporary: AtomicU64::new(0),
        }
    }

    fn path(&self, key: &ObjectKey) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn part_path(&self, key: &ObjectKey) -> PathBuf {
        self.root.join(".parts").join(key.as_str())
    }
}

#[async_trait]
impl Objects for FolderObjects {
    fn is_shared(&self) -> bool {
        false
    }

    async fn put(&self, key: &ObjectKey, data: Bytes) -> Result<()> {
        let path = self.path(key);
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = self.root.join(".parts").join(format!("put.{number}"));
        blocking(move || {
            let stored = write_new(&temporary, &data).and_then(|()| move_into_place(&temporary, &path));
            if stored.is_err() {
                let _ = fs::remove_file(&temporary);
            }
            stored
        })
        .await
    }

    async fn append(&self, key: &ObjectKey, offset: u64, data: Bytes) -> Result<Appended> {
        let path = self.part_path(key);
        blocking(move || append_at(&path, offset, &data)).await
    }

    async fn seal(&self, key: &ObjectKey) -> Result<u64> {
        let (part, path, name) = (self.part_path(key), self.path(key), key.to_string());
        blocking(move || match fs::metadata(&part) {
            Ok(metadata) => {
                move_into_place(&part, &path)?;
                Ok(metadata.len())
            }
            // The end of file was sent again: the object is already in place.
            Err(error) if error.kind() == ErrorKind::NotFound => match fs::metadata(&path) {
                Ok(metadata) => Ok(metadata.len()),
                Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::not_found("object", name)),
                Err(error) => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        })
        .await
    }

    async fn get(&self, key: &ObjectKey, offset: u64, length: Option<u64>) -> Result<ObjectReader> {
        let (path, name) = (self.path(key), key.to_string());
        let (file, size) = blocking(move || {
            let mut file = File::open(&path).map_err(|error| match error.kind() {
                ErrorKind::NotFound => Error::not_found("object", name.as_str()),
                _ => error.into(),
            })?;
            let total = file.metadata()?.len();
            file.seek(SeekFrom::Start(offset.min(total)))?;
            let left = total.saturating_sub(offset);
            Ok((file, length.map_or(left, |length| length.min(left))))
        })
        .await?;
        let (sender, pieces) = mpsc::channel(4);
        tokio::task::spawn_blocking(move || send_pieces(file.take(size), &sender));
        Ok(ObjectReader { size, pieces })
    }

    async fn info(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>> {
        let (path, key) = (self.path(key), key.clone());
        blocking(move || match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(ObjectInfo {
                key,
                size: metadata.len(),
            })),
            Ok(_) => Ok(None),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error.into()),
        })
        .await
    }

    async fn list(&self, below: &ObjectKey) -> Result<Vec<ObjectInfo>> {
        let (root, start) = (self.root.clone(), self.path(below));
        blocking(move || list_files(&root, start)).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<()> {
        let paths = [self.path(key), self.part_path(key)];
        blocking(move || {
            for path in &paths {
                let removed = match fs::symlink_metadata(path) {
                    Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
                    Ok(_) => fs::remove_file(path),
                    Err(error) => Err(error),
                };
                match removed {
                    Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                        return Err(error.into());
                    }
                    _ => {}
                }
            }
            Ok(())
        })
        .await
    }

    async fn free_bytes(&self) -> Option<u64> {
        let root = self.root.clone();
        blocking(move || {
            let space =
                rustix::fs::statvfs(&root).map_err(|error| Error::from(std::io::Error::from(error)))?;
            Ok(space.f_bavail.saturating_mul(space.f_frsize))
        })
        .await
        .ok()
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::Closed)?
}

fn write_new(path: &Path, data: &[u8]) -> Result<()> {
    let mut file = File::create(path)?;
    file.write_all(data)?;
    file.sync_all()?;
    Ok(())
}

fn append_at(path: &Path, offset: u64, data: &[u8]) -> Result<Appended> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(offset == 0)
        .write(true)
        .open(path)?;
    let have = file.metadata()?.len();
    let end = offset.saturating_add(data.len() as u64);
    if offset > have {
        return Ok(Appended::Gap(have));
    }
    if end <= have && !data.is_empty() {
        return Ok(Appended::Duplicate);
    }
    file.seek(SeekFrom::Start(offset))?;
    if let Err(error) = file.write_all(data) {
        // Cut back to what was there before, so that the repeated chunk continues from the same offset.
        let _ = file.set_len(have);
        return Err(error.into());
    }
    file.sync_data()?;
    Ok(Appended::Stored(end))
}

fn move_into_place(from: &Path, to: &Path) -> Result<()> {
    let Some(folder) = to.parent() else {
        return Err(Error::BadName(to.display().to_string()));
    };
    fs::create_dir_all(folder)?;
    fs::rename(from, to)?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

fn send_pieces(mut file: impl Read, sender: &mpsc::Sender<Result<Bytes>>) {
    let mut buffer = vec![0; PIECE];
    loop {
        let piece = match file.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => Ok(Bytes::copy_from_slice(buffer.get(..count).unwrap_or_default())),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Err(error.into()),
        };
        let is_last = piece.is_err();
        if sender.blocking_send(piece).is_err() || is_last {
            return;
        }
    }
}

fn list_files(root: &Path, start: PathBuf) -> Result<Vec<ObjectInfo>> {
    let mut found = Vec::new();
    let mut folders = vec![start];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if let Some(key) = entry.path().strip_prefix(root).ok().and_then(Path::to_str)
                && let Ok(key) = ObjectKey::parse(key)
            {
                found.push(ObjectInfo {
                    key,
                    size: metadata.len(),
                });
            }
        }
    }
    found.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(found)
}
