//! Bounded reads below `/proc`, relative to an open directory, where every file may vanish at any time.

use crate::error::{Error, Result};
use rustix::fs::{CWD, Dir, Mode, OFlags, openat, readlinkat};
use rustix::io::{Errno, read};
use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// An open proc file system.
pub(super) struct ProcFs {
    path: PathBuf,
    dir: OwnedFd,
}

impl ProcFs {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(CWD, path, flags, Mode::empty())
            .map_err(|error| Error::read(path.display().to_string(), error))?;
        Ok(Self {
            path: path.to_owned(),
            dir,
        })
    }

    /// Pids of all processes, ascending.
    pub(super) fn pids(&self) -> Result<Vec<u32>> {
        let mut pids = self.numbers(".")?;
        pids.sort_unstable();
        Ok(pids)
    }

    /// The entries of a directory whose names are numbers: pids, descriptors.
    pub(super) fn numbers(&self, name: &str) -> Result<Vec<u32>> {
        let fail = |error: Errno| Error::read(self.path.join(name).display().to_string(), error);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = Dir::new(openat(&self.dir, name, flags, Mode::empty()).map_err(fail)?).map_err(fail)?;
        let mut numbers = Vec::new();
        for entry in dir {
            let entry = entry.map_err(fail)?;
            numbers.extend(
                entry
                    .file_name()
                    .to_str()
                    .ok()
                    .and_then(|name| name.parse::<u32>().ok()),
            );
        }
        Ok(numbers)
    }

    /// Replaces `out` by the first `cap` bytes of a file.
    pub(super) fn read(&self, name: &str, cap: usize, out: &mut Vec<u8>) -> Result<()> {
        let fail = |error| Error::read(self.path.join(name).display().to_string(), error);
        let file = openat(&self.dir, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(fail)?;
        read_bounded(&file, cap, out).map_err(fail)
    }

    /// Like [`ProcFs::read`], for a file that may be gone; returns whether it was read.
    pub(super) fn try_read(&self, name: &str, cap: usize, out: &mut Vec<u8>) -> bool {
        out.clear();
        openat(&self.dir, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .and_then(|file| read_bounded(&file, cap, out))
            .is_ok()
    }

    /// Reads a whole file, keeps its first `cap` bytes, and returns its length (counted up to `limit`).
    pub(super) fn read_counting(
        &self,
        name: &str,
        cap: usize,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Option<u64> {
        out.clear();
        let file = openat(&self.dir, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        read_bounded(&file, cap, out).ok()?;
        let mut length = out.len();
        if length == cap {
            let mut rest = vec![0; 64 << 10];
            while length < limit {
                match read_some(&file, &mut rest) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => length += count,
                }
            }
        }
        Some(length as u64)
    }

    /// The target of a symbolic link; `None` if it is gone, not permitted, or (for kernel threads) missing.
    pub(super) fn link(&self, name: &str) -> Option<PathBuf> {
        let target = readlinkat(&self.dir, name, Vec::with_capacity(128)).ok()?;
        Some(PathBuf::from(OsString::from_vec(target.into_bytes())))
    }
}

/// The first `cap` bytes of a file.
pub(super) fn read_file(path: &Path, cap: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .and_then(|file| read_bounded(&file, cap, &mut out))
        .map_err(|error| Error::read(path.display().to_string(), error))?;
    Ok(out)
}

/// A small text file without surrounding space; empty if it cannot be read.
pub(super) fn read_line(path: &Path) -> String {
    let bytes = read_file(path, 4096).unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

fn read_bounded(file: impl AsFd, cap: usize, out: &mut Vec<u8>) -> Result<(), Errno> {
    out.clear();
    let mut filled = 0;
    while filled < cap {
        // Most files in /proc fit into the first read; doubling keeps large ones cheap.
        out.resize((filled + 4096.max(filled)).min(cap), 0);
        let room = out.get_mut(filled..).unwrap_or_default();
        match read_some(&file, room) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) => {
                out.clear();
                return Err(error);
            }
        }
    }
    out.truncate(filled);
    Ok(())
}

fn read_some(file: impl AsFd, into: &mut [u8]) -> Result<usize, Errno> {
    loop {
        match read(&file, &mut *into) {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_stops_at_the_cap_and_counts_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("big"), vec![7; 100_000]).unwrap();
        let proc = ProcFs::open(dir.path()).unwrap();
        let mut out = Vec::new();
        proc.read("big", 10_000, &mut out).unwrap();
        assert_eq!(out.len(), 10_000);
        assert_eq!(
            proc.read_counting("big", 10_000, 1 << 20, &mut out),
            Some(100_000)
        );
        assert_eq!(out.len(), 10_000);
        assert!(!proc.try_read("none", 10, &mut out) && out.is_empty());
    }
}
