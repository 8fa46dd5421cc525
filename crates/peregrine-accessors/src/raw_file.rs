//! The `raw_file` accessor: the path goes to the operating system untouched, so devices and pipes can be read.

use crate::detached::{self, DetachedReader};
use crate::remote;
use crate::{Accessor, Dialect, Error, FileInfo, FileReader, OsPath, Result};
use peregrine_engine::prelude::Scope;
use std::ffi::OsStr;
use std::fs::{File, FileType};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::PathBuf;

/// Opens what the system opens. Listing is not supported.
#[derive(Debug, Default)]
pub(crate) struct RawFileAccessor;

impl Accessor for RawFileAccessor {
    fn name(&self) -> &'static str {
        "raw_file"
    }

    fn dialect(&self) -> Dialect {
        Dialect::Raw
    }

    fn read_dir(&self, _scope: &Scope, _path: &OsPath) -> Result<Vec<FileInfo>> {
        Err(Error::Unsupported {
            accessor: "raw_file",
            operation: "list directories",
        })
    }

    fn lstat(&self, scope: &Scope, path: &OsPath) -> Result<FileInfo> {
        crate::file::FileAccessor::default().lstat(scope, path)
    }

    /// Opening a device may hang as well as reading it, so both are done in a thread that can be left behind.
    fn open(&self, scope: &Scope, path: &OsPath) -> Result<Box<dyn FileReader>> {
        let name = PathBuf::from(OsStr::from_bytes(&path.path_bytes()));
        let opened = detached::run(scope.cancellation(), move || open_any(&name));
        let (file, kind) = opened.flatten().map_err(|error| Error::io(path, error))?;
        // A disk answers; if it does not, another thread would only be one more that waits.
        if kind.is_block_device() || (remote::is_local(&file) && (kind.is_file() || kind.is_dir())) {
            return Ok(Box::new(file));
        }
        Ok(Box::new(DetachedReader::new(file, scope.cancellation())))
    }

    fn os_file_name(&self, path: &OsPath) -> Option<PathBuf> {
        Some(PathBuf::from(OsStr::from_bytes(&path.path_bytes())))
    }
}

fn open_any(path: &std::path::Path) -> std::io::Result<(File, FileType)> {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let mut options = File::options();
    options.read(true);
    let expected = path.metadata()?.file_type();
    let is_waiting = expected.is_fifo() || expected.is_char_device();
    if is_waiting {
        // Reads wait for the writer of a pipe or the carrier of a line, and can be interrupted, unlike
        // opening.
        options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path)?;
    if is_waiting {
        fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    }
    let kind = file.metadata()?.file_type();
    Ok((file, kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use peregrine_engine::Context;
    use peregrine_engine::prelude::{Cancellation, Dict};
    use std::io::{Read, Write};
    use std::time::Duration;

    fn scope(cancellation: &Cancellation) -> Scope {
        let context = Context::builder().cancellation(cancellation.clone()).build();
        Scope::root(&context, Dict::new())
    }

    fn fifo(path: &std::path::Path) {
        use rustix::fs::{CWD, FileType, Mode};
        rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    }

    #[test]
    fn a_pipe_without_writer_keeps_no_query_from_ending() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        fifo(&path);
        let name = RawFileAccessor.parse_path(path.as_os_str().as_bytes()).unwrap();
        let cancellation = Cancellation::with_deadline(Duration::from_millis(100));
        let mut reader = RawFileAccessor.open(&scope(&cancellation), &name).unwrap();
        let mut buffer = [0; 100];
        let error = reader.read(&mut buffer).unwrap_err().to_string();
        assert!(error.contains("query end"), "{error}");
        drop(reader);

        // A writer that comes later is noticed, and a silent one does not keep a query from ending.
        let cancellation = Cancellation::new();
        let mut reader = RawFileAccessor.open(&scope(&cancellation), &name).unwrap();
        let mut writer = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let writing = std::thread::spawn(move || {
            writer.write_all(b"hello").unwrap();
            writer
        });
        assert_eq!(reader.read(&mut buffer).unwrap(), 5);
        assert_eq!(&buffer[..5], b"hello");
        let mut writer = writing.join().unwrap();
        let waits = std::thread::spawn(move || reader.read(&mut buffer).is_err());
        cancellation.cancel();
        assert!(waits.join().unwrap());
        // The thread that read it also ends, and with it the last reader of the pipe.
        while writer.write(b"x").is_ok() {
            std::thread::yield_now();
        }
    }
}
