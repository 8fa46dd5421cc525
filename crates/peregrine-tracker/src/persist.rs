//! The journal file: the state survives a restart of the agent on the same boot.
//!
//! Nothing is forced to disk: after a crash of the machine, the processes are gone anyway.

use crate::codec::{self, Origin, RestoreReport};
use crate::payload::Payload;
use crate::store::Store;
use crate::{Config, Tracker};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

/// The result of a flush.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Bytes written.
    pub bytes: u64,
    /// Whether it was the whole state, to a new file.
    pub is_rewritten: bool,
}

/// The file and its length.
pub(crate) struct Journal {
    path: PathBuf,
    header: Vec<u8>,
    /// `None`: the next write starts a new file.
    file: Option<File>,
    length: u64,
    length_of_whole: u64,
}

impl<D: Payload> Tracker<D> {
    /// A tracker that continues from the journal at `path`, if that was written during this boot, and updates
    /// it with every [`Tracker::flush`]. A damaged journal is used up to the damage; one from another boot is
    /// discarded. Follow with a [`Tracker::sync`], which finds the processes that exited meanwhile.
    pub fn restore(config: Config, path: &Path, boot_id: &str) -> io::Result<(Tracker<D>, RestoreReport)> {
        let (mut store, report) = match File::open(path) {
            Ok(file) => codec::load(config, &mut BufReader::new(file), boot_id)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => (
                Store::new(config),
                RestoreReport {
                    origin: Origin::NoJournal,
                    ..RestoreReport::default()
                },
            ),
            Err(error) => return Err(error),
        };
        store.dirty = Some(Vec::new());
        let journal = Journal {
            path: path.to_owned(),
            header: codec::header(boot_id),
            file: None,
            length: 0,
            length_of_whole: 0,
        };
        Ok((Tracker::from_store(store, Some(journal)), report))
    }
}

impl Journal {
    /// Whether to start a new file instead of adding `more` bytes.
    pub(crate) fn wants_rewrite(&self, more: usize, config: &Config) -> bool {
        let length = self.length.saturating_add(more as u64);
        self.file.is_none() || length > config.min_journal.max(self.length_of_whole.saturating_mul(2))
    }

    pub(crate) fn append(&mut self, entries: &[u8]) -> io::Result<Flushed> {
        let Some(mut file) = self.file.take() else {
            return Ok(Flushed::default());
        };
        // After a failed write, the file may end in half an entry, so it stays `None`.
        file.write_all(entries)?;
        self.file = Some(file);
        self.length += entries.len() as u64;
        Ok(Flushed {
            bytes: entries.len() as u64,
            is_rewritten: false,
        })
    }

    /// Replaces the file atomically.
    pub(crate) fn rewrite(&mut self, entries: &[u8]) -> io::Result<Flushed> {
        self.file = None;
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let temporary = PathBuf::from(name);
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = create_private(&temporary)?;
        file.write_all(&self.header)?;
        file.write_all(entries)?;
        fs::rename(&temporary, &self.path)?;
        self.length = (self.header.len() + entries.len()) as u64;
        self.length_of_whole = self.length;
        self.file = Some(file);
        Ok(Flushed {
            bytes: self.length,
            is_rewritten: true,
        })
    }
}

/// Creates a file that only its owner can read, because command lines contain secrets.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
