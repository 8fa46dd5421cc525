//! Small files that must be complete or absent, and files that no other user may have planted.
//!
//! An agent runs as root, and some of its files are in folders that everybody can write to. So the last
//! component of a path is never followed as a link, and files of another user are not used.

use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// None of our small files is larger.
const LARGEST: u64 = 16 << 20;

/// Replaces a file atomically: readers see either the old content or the new, even after a crash. Mode 0600.
pub(crate) fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    write(path, content, true)
}

/// Like [`write_atomically`], but without waiting for the disk: complete after a kill, but maybe not after a
/// power loss.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    write(path, content, false)
}

/// Opens or creates a file for reading and writing, which must belong to this user alone and has mode 0600.
pub(crate) fn open_own(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = open(options.mode(0o600), path)?;
    check_own(&file)?;
    Ok(file)
}

/// Checks whether an agent may store data in this file: it must not exist, or belong to this user alone.
pub fn check_own_file(path: &Path) -> io::Result<()> {
    match open(OpenOptions::new().read(true), path) {
        Ok(file) => check_own(&file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// The content of a small file that belongs to this user alone.
pub(crate) fn read_own(path: &Path) -> io::Result<Vec<u8>> {
    let file = open(OpenOptions::new().read(true), path)?;
    check_own(&file)?;
    let mut content = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut content)?;
    if content.len() as u64 > LARGEST {
        return Err(refused("it is larger than any file of an agent"));
    }
    Ok(content)
}

/// Opens without following a link, and without blocking on a pipe.
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = options
        .custom_flags(i32::try_from(flags.bits()).unwrap_or_default())
        .open(path);
    opened.map_err(|error| {
        if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
            refused("it is a link")
        } else {
            error
        }
    })
}

fn check_own(file: &File) -> io::Result<()> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(refused("it is not a regular file"));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(refused("it belongs to another user"));
    }
    if metadata.nlink() != 1 {
        return Err(refused("it has other names, too"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(refused("other users may write to it"));
    }
    if metadata.mode() & 0o044 != 0 {
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn refused(why: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("not used, as {why}; remove it"),
    )
}

fn write(path: &Path, content: &[u8], sync: bool) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = folder.join(name);
    // A leftover from a crash, or a trap: it is not written to.
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = write_new(&temporary, content, sync).and_then(|()| std::fs::rename(&temporary, path));
    if let Err(error) = written {
        // On a full disk, half a file would only take up room.
        let _ = std::fs::remove_file(&temporary);
        return Err(error);
    }
    if sync {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn write_new(path: &Path, content: &[u8], sync: bool) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content)?;
    if sync {
        file.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_others_could_have_laid_out_is_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("precious"), "precious").unwrap();
        symlink(at("precious"), at("link")).unwrap();
        symlink(at("nowhere"), at("dangling")).unwrap();
        std::fs::hard_link(at("precious"), at("twin")).unwrap();
        std::fs::write(at("open"), "").unwrap();
        std::fs::set_permissions(at("open"), std::fs::Permissions::from_mode(0o666)).unwrap();
        let pipe = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), rustix::fs::FileType::Fifo, pipe, 0).unwrap();
        for name in ["link", "dangling", "twin", "open", "pipe"] {
            let error = open_own(&at(name)).expect_err(name);
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{name}: {error}");
            assert!(read_own(&at(name)).is_err(), "{name}");
            assert!(check_own_file(&at(name)).is_err(), "{name}");
        }
        assert!(!at("nowhere").exists());
        assert_eq!(std::fs::read_to_string(at("precious")).unwrap(), "precious");

        std::fs::write(at("seen"), "mine").unwrap();
        std::fs::set_permissions(at("seen"), std::fs::Permissions::from_mode(0o644)).unwrap();
        check_own_file(&at("seen")).unwrap();
        check_own_file(&at("nothing yet")).unwrap();
        assert_eq!(read_own(&at("seen")).unwrap(), b"mine");
        assert_eq!(std::fs::metadata(at("seen")).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_link_in_the_place_of_the_temporary_file_is_not_written_through() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("precious"), "precious").unwrap();
        symlink(at("precious"), at("state.new")).unwrap();
        symlink(at("precious"), at("state")).unwrap();
        write_atomically(&at("state"), b"ours").unwrap();
        assert_eq!(std::fs::read_to_string(at("precious")).unwrap(), "precious");
        assert_eq!(read_own(&at("state")).unwrap(), b"ours");
    }
}
