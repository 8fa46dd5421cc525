//! Uploads into a folder: `--dump-dir` of the command line, and `upload_directory()`.

use peregrine_accessors::{Dialect, Upload, UploadFile, Uploader};
use peregrine_engine::prelude::{Scope, Str, VqlError, VqlResult};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

/// Stores uploads as `<folder>/<accessor>/<path>`, with every name of the path made safe for a file system.
pub struct FolderUploader {
    /// Absolute and without links.
    root: PathBuf,
    by_accessor: bool,
    next: AtomicI64,
}

impl FolderUploader {
    /// An uploader into this folder, which is created if missing.
    pub fn new(folder: &Path) -> std::io::Result<FolderUploader> {
        make_folder(folder)?;
        Ok(FolderUploader {
            root: fs::canonicalize(folder)?,
            by_accessor: true,
            next: AtomicI64::new(0),
        })
    }

    /// Leaves out the accessor: `<folder>/<path>`.
    #[must_use]
    pub fn without_accessor(self) -> FolderUploader {
        FolderUploader {
            by_accessor: false,
            ..self
        }
    }

    /// Creates the file of an upload; never through a link, and never outside the folder.
    fn create(&self, path: &Path) -> std::io::Result<File> {
        if let Some(parent) = path.parent() {
            make_folder(parent)?;
            if !fs::canonicalize(parent)?.starts_with(&self.root) {
                let text = "it leads outside of the folder for uploads";
                return Err(std::io::Error::new(ErrorKind::PermissionDenied, text));
            }
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
    }
}

impl Uploader for FolderUploader {
    fn begin(&self, _: &Scope, file: UploadFile) -> VqlResult<Box<dyn Upload>> {
        let mut path = self.root.clone();
        if self.by_accessor {
            path.push(safe(file.accessor.as_bytes()));
        }
        path.extend(file.name.components().iter().map(|component| safe(component)));
        let opened = self.create(&path).map_err(|error| failed(&path, &error))?;
        Ok(Box::new(FolderUpload {
            file: opened,
            path,
            modified: file.times.modified,
            id: self.next.fetch_add(1, Ordering::Relaxed),
        }))
    }
}

struct FolderUpload {
    file: File,
    path: PathBuf,
    modified: i64,
    id: i64,
}

impl Upload for FolderUpload {
    fn id(&self) -> i64 {
        self.id
    }

    fn write(&mut self, _: &Scope, piece: &[u8]) -> VqlResult<()> {
        self.file
            .write_all(piece)
            .map_err(|error| failed(&self.path, &error))
    }

    fn finish(self: Box<Self>, _: &Scope, _: bool) -> VqlResult<Option<Str>> {
        if let Ok(nanos @ 1..) = u64::try_from(self.modified) {
            // The content is what matters; some file systems do not store times.
            let _ = self
                .file
                .set_modified(SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos));
        }
        Ok(Some(Str::new(self.path.as_os_str().as_encoded_bytes())))
    }
}

fn make_folder(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn failed(path: &Path, error: &std::io::Error) -> VqlError {
    VqlError::Message(format!("`{}` can not be written: {error}", path.display()))
}

/// A component as a file name: separators, leading and trailing dots and the like are percent-encoded.
fn safe(component: &[u8]) -> String {
    let encoded = Dialect::Zip.join(std::iter::once(component));
    let name = String::from_utf8_lossy(&encoded).replace('\0', "%00");
    match name.strip_prefix('/').unwrap_or(&name) {
        "" => "_".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_elsewhere() {
        for (name, expected) in [
            ("etc", "etc"),
            ("..", "%2E%2E"),
            (".", "%2E"),
            ("", "_"),
            ("a/../b", "a%2F..%2Fb"),
            ("a\0b", "a%00b"),
            ("C:", "C%3A"),
        ] {
            assert_eq!(safe(name.as_bytes()), expected);
        }
    }

    #[test]
    fn links_in_the_folder_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let uploader = FolderUploader::new(&root).unwrap();
        fs::create_dir(folder.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), root.join("data")).unwrap();
        assert!(uploader.create(&uploader.root.join("data/x")).is_err());
        std::os::unix::fs::symlink(folder.path().join("target"), root.join("file")).unwrap();
        uploader
            .create(&uploader.root.join("file"))
            .unwrap()
            .write_all(b"x")
            .unwrap();
        assert!(!folder.path().join("target").exists());
    }
}
