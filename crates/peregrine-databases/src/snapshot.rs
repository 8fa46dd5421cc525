//! Copies of SQLite databases.
//!
//! A database of another program is never opened itself: SQLite would lock it, and write files next to it
//! that the other program, or an investigator of the disk, would find. Queries run on a copy that includes
//! the write-ahead log and journal, so that changes not written back yet are visible. The copies are shared
//! by the calls of a query, and are removed with it.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use peregrine_accessors::{Accessor, Dialect, OsPath};
use peregrine_engine::prelude::*;
use peregrine_functions::temporary::{fresh_path, remove_at_close};

/// The first bytes of a database.
const MAGIC: &[u8] = b"SQLite forma";
/// Maximum size of a database in bytes.
const MAX_SIZE: u64 = 16 << 30;
/// A database that changes while it is copied is copied again, up to this many times.
const ATTEMPTS: u32 = 3;

/// The copies of a query: by accessor and path, with the stamp that shows that the original is unchanged.
type Copies = Mutex<HashMap<(String, Vec<u8>), (Stamp, PathBuf)>>;

/// Size and time of the database and of its write-ahead log.
type Stamp = [Option<(i64, i128)>; 2];

/// The copy of a database; `None`, with a message, if the file is not a database.
pub(super) fn of(scope: &Scope, files: &Arc<dyn Accessor>, path: &OsPath) -> VqlResult<Option<PathBuf>> {
    let copies = scope.cache("sqlite copies", Copies::default);
    let key = (files.identity(), path.to_bytes());
    let mut before = stamp(scope, files.as_ref(), path);
    // Held while copying, so that parallel calls do not copy the same file.
    let mut copies = copies.lock();
    if let Some((known, copy)) = copies.get(&key)
        && *known == before
        && before[0].is_some()
    {
        return Ok(Some(copy.clone()));
    }
    if !is_database(scope, files.as_ref(), path)? {
        // Not an error: artifacts run this over every file with a certain name.
        scope.log_line(&format!("sqlite: `{}` is not an SQLite database", path.to_text()));
        return Ok(None);
    }
    for attempt in 1..=ATTEMPTS {
        let copy = copy(scope, files.as_ref(), path)?;
        let after = stamp(scope, files.as_ref(), path);
        if before == after || attempt == ATTEMPTS {
            if before != after {
                scope.log_line(&format!(
                    "WARN:sqlite: `{}` changed while it was copied",
                    path.to_text()
                ));
            }
            copies.insert(key, (after, copy.clone()));
            return Ok(Some(copy));
        }
        before = after;
    }
    Ok(None)
}

fn is_database(scope: &Scope, files: &dyn Accessor, path: &OsPath) -> VqlResult<bool> {
    let reader = files.open(scope, path).map_err(|error| error.to_string())?;
    let mut start = Vec::new();
    let read = reader.take(MAGIC.len() as u64).read_to_end(&mut start);
    read.map_err(|error| format!("`{}`: {error}", path.to_text()))?;
    Ok(start == MAGIC)
}

fn stamp(scope: &Scope, files: &dyn Accessor, path: &OsPath) -> Stamp {
    [path.clone(), beside(path, "-wal")].map(|path| {
        let info = files.lstat(scope, &path).ok()?;
        Some((info.size, info.times.modified.unix_nanos()))
    })
}

/// The file of this name with a suffix.
fn beside(path: &OsPath, ending: &str) -> OsPath {
    let mut components = path.components().to_vec();
    if let Some(last) = components.last_mut() {
        *last = Str::from([&last[..], ending.as_bytes()].concat());
    }
    path.with_components(components)
}

/// Copies the database and its companion files into a separate folder.
fn copy(scope: &Scope, files: &dyn Accessor, path: &OsPath) -> VqlResult<PathBuf> {
    let folder = fresh_path(scope, b"")?;
    let failed = |error: io::Error| format!("`{}`: {error}", folder.display());
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&folder).map_err(failed)?;
    remove_at_close(scope, folder.clone());
    let target = folder.join("database");
    copy_file(scope, files, path, &target)?;
    for ending in ["-wal", "-journal"] {
        let path = beside(path, ending);
        // Only in accessors whose paths are more than a name do files have companions.
        let is_file = |path| files.lstat(scope, path).is_ok_and(|info| info.mode.is_regular());
        if files.dialect() != Dialect::Raw && is_file(&path) {
            copy_file(scope, files, &path, &folder.join(format!("database{ending}")))?;
        }
    }
    Ok(target)
}

fn copy_file(scope: &Scope, files: &dyn Accessor, from: &OsPath, to: &Path) -> VqlResult<()> {
    let mut reader = files.open(scope, from).map_err(|error| error.to_string())?;
    let failed = |error: io::Error| format!("`{}`: {error}", from.to_text());
    let mut file = fs::File::create_new(to).map_err(failed)?;
    let mut buffer = vec![0; 256 << 10];
    let mut size = 0;
    loop {
        scope.checkpoint()?;
        let length = reader.read(&mut buffer).map_err(failed)?;
        if length == 0 {
            return Ok(());
        }
        size += length as u64;
        if size > MAX_SIZE {
            return Err(format!("`{}` has more than {MAX_SIZE} bytes", from.to_text()).into());
        }
        file.write_all(&buffer[..length]).map_err(failed)?;
    }
}
