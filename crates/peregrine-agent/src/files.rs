//! Small files that must be whole or absent.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Replaces a file in one step: readers see the old content or the new, also after a crash. Mode 0600.
pub(crate) fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    write(path, content, true)
}

/// As [`write_atomically`], without waiting for the disk: whole after a kill, perhaps not after a power loss.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    write(path, content, false)
}

fn write(path: &Path, content: &[u8], sync: bool) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = folder.join(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(content)?;
    if sync {
        file.sync_all()?;
    }
    std::fs::rename(&temporary, path)?;
    if sync {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
