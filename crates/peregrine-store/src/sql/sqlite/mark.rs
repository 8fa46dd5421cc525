//! A small file beside the database that holds the number of the last acknowledged transaction.
//!
//! SQLite silently cuts a damaged log file (`-wal`) at the damage, and creates a missing database file anew. The number
//! in the database is then lower than the one here, which is reported.

use crate::{Error, Result};
use rusqlite::{Connection, OptionalExtension};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Setting that counts transactions. It belongs to no organisation.
const SETTING: &str = "transactions";

/// The file, held open.
#[derive(Debug)]
pub(super) struct Mark {
    file: File,
    database: PathBuf,
    /// Device and inode number of the database file.
    identity: (u64, u64),
}

fn identity(database: &Path) -> std::io::Result<(u64, u64)> {
    std::fs::metadata(database).map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Path of the mark beside a database.
pub(super) fn path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".mark");
    name.into()
}

/// Refuses to start with an empty database in place of one that is gone.
pub(super) fn check_presence(database: &Path) -> Result<()> {
    let is_empty = std::fs::metadata(database).map_or(true, |metadata| metadata.len() == 0);
    let marked = std::fs::read_to_string(path(database)).map_or(0, |text| parse(&text));
    if is_empty && marked > 0 {
        return Err(Error::Damaged(format!(
            "database `{}` is missing or empty, but took {marked} transactions before; put it back from a backup, or \
             delete `{}` to begin with an empty one",
            database.display(),
            path(database).display()
        )));
    }
    Ok(())
}

impl Mark {
    /// Opens the file and compares; returns how many acknowledged transactions the database lacks.
    pub(super) fn open(database: &Path, connection: &Connection) -> Result<(Mark, u64)> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path(database))?;
        let mut text = String::new();
        let marked = file.read_to_string(&mut text).map_or(0, |_| parse(&text));
        let number = last_number(connection)?;
        let mut mark = Mark {
            file,
            database: database.to_owned(),
            identity: identity(database)?,
        };
        mark.note(number);
        Ok((mark, marked.saturating_sub(number)))
    }

    /// Fails if the file we write to is not the one that the next start would open: everything written to a deleted file
    /// is lost when we exit.
    pub(super) fn check_place(&self) -> Result<()> {
        match identity(&self.database) {
            Ok(now) if now == self.identity => Ok(()),
            // Could not be determined; if the file is really inaccessible, the write itself fails.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(Error::Gone(self.database.display().to_string())),
        }
    }

    /// Records the last transaction. Not flushed, as it only has to survive this process: after a power cut, or when
    /// another process writes to the same database and gets ahead of this mark, a number that is too low does no harm.
    pub(super) fn note(&mut self, number: u64) {
        let text = format!("{number:020}\n");
        let written = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(text.as_bytes()));
        if let Err(error) = written {
            tracing::debug!(%error, "the mark of the last transaction was not written");
        }
    }
}

/// Counts a transaction within itself and returns its number. The last number is read from the database each time,
/// because `peregrine user` also writes to a server's database.
pub(super) fn count(connection: &Connection) -> Result<u64> {
    let text: String = connection
        .prepare_cached(
            "INSERT INTO settings (org_id, name, value) VALUES ('', ?1, '1')
             ON CONFLICT (org_id, name) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) RETURNING value",
        )?
        .query_row([SETTING], |row| row.get(0))?;
    Ok(parse(&text))
}

fn last_number(connection: &Connection) -> Result<u64> {
    let text: Option<String> = connection
        .query_row(
            "SELECT value FROM settings WHERE org_id = '' AND name = ?1",
            [SETTING],
            |row| row.get(0),
        )
        .optional()?;
    Ok(text.map_or(0, |text| parse(&text)))
}

fn parse(text: &str) -> u64 {
    text.trim().parse().unwrap_or(0)
}
