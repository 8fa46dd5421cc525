//! The store-and-forward buffer: messages for the server wait here until the server has acknowledged them.
//!
//! The buffer is a file that survives a restart and even a kill of the agent: a record is readable as soon as
//! it is complete, and a torn or damaged one is recognised by its checksum and dropped. Dropped bytes are
//! counted, because the server has to be told. Delivery is at least once: records are leased, sent, and
//! committed; a lease that is not committed is handed out again.
//!
//! ```text
//! offset  size  what
//! 0       8     magic "PRGBUF1\n"
//! 8       8     read position, little endian: the first record that is not committed
//! 16      …     records, as in `peregrine_base::records`
//! ```

use crate::state::files;
use parking_lot::{Condvar, Mutex};
use peregrine_base::records::{self, Head};
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

const MAGIC: &[u8; 8] = b"PRGBUF1\n";
const HEADER: u64 = 16;
pub(crate) const RECORD_HEAD: u64 = records::HEAD as u64;

/// No message is larger than this; a longer record is damaged.
pub(crate) const MAX_RECORD: usize = 100 << 20;

/// How long writers wait for room on a full disk. Sending frees some, and other programs may too.
const DISK_PATIENCE: Duration = Duration::from_secs(60);
/// How often waiting writers check again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Why a buffer could not be opened or written.
#[derive(Debug, thiserror::Error)]
#[error("buffer file `{path}`: {source}; check that its folder exists and has room")]
pub struct BufferError {
    path: String,
    source: io::Error,
}

/// A queue on disk. Writers wait while it is full, which slows the queries that feed it.
pub(crate) struct Buffer {
    state: Mutex<BufferFile>,
    has_room: Condvar,
    path: String,
    max_size: u64,
    disk_patience: Duration,
}

struct BufferFile {
    file: File,
    /// Since when the disk has been full, and for which record size: smaller records may still fit.
    full: Option<(Instant, usize)>,
    /// Whether the file header has been written; on a full disk this may have to wait.
    has_head: bool,
    /// Start of the first record that is not committed.
    read: u64,
    /// Start of the first record that is not leased.
    lease: u64,
    /// End of the last record.
    write: u64,
    /// Number of damaged bytes that were dropped.
    damaged: u64,
    closed: bool,
}

/// The records of a lease.
#[derive(Debug, Default)]
pub(crate) struct Lease {
    /// The payloads, oldest first.
    pub(crate) records: Vec<Vec<u8>>,
    /// True when these are the last records.
    pub(crate) is_all: bool,
}

impl Buffer {
    /// Opens or creates the file. All complete records in it will be sent.
    pub(crate) fn open(path: &Path, max_size: u64) -> Result<Buffer, BufferError> {
        let shown = path.display().to_string();
        let wrap = |source| BufferError {
            path: shown.clone(),
            source,
        };
        let file = files::open_own(path).map_err(wrap)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(wrap(io::Error::other("another agent uses it")));
            }
            Err(TryLockError::Error(error)) => {
                tracing::warn!(path = shown, %error, "the buffer file could not be locked");
            }
        }
        let state = BufferFile::recover(file).map_err(wrap)?;
        Ok(Buffer {
            state: Mutex::new(state),
            has_room: Condvar::new(),
            path: shown,
            max_size: max_size.max(1 << 16),
            disk_patience: DISK_PATIENCE,
        })
    }

    /// Adds a record. Waits while the buffer is full, and for a limited time while the disk is full; `false`
    /// if it was closed meanwhile or `stop` returns true.
    pub(crate) fn push(&self, payload: &[u8], stop: &dyn Fn() -> bool) -> Result<bool, BufferError> {
        if payload.len() > MAX_RECORD {
            let source = io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("record of {} bytes is too large", payload.len()),
            );
            return Err(BufferError {
                path: self.path.clone(),
                source,
            });
        }
        let mut state = self.state.lock();
        loop {
            while state.write > self.max_size && state.pending() > 0 {
                if state.closed || stop() {
                    return Ok(false);
                }
                self.has_room.wait_for(&mut state, LOOK_AGAIN);
            }
            if state.closed {
                return Ok(false);
            }
            let source = match state.append(payload) {
                Ok(()) => {
                    state.full = state.full.filter(|(_, size)| payload.len() < *size);
                    return Ok(true);
                }
                Err(error) => error,
            };
            // The patience applies to the disk, not to each record: once it has run out, nobody waits until a
            // record as large as the largest that did not fit has been written.
            let (since, size) = *state.full.get_or_insert_with(|| (Instant::now(), payload.len()));
            state.full = Some((since, size.max(payload.len())));
            if !is_no_space(&source) || since.elapsed() >= self.disk_patience {
                return Err(BufferError {
                    path: self.path.clone(),
                    source,
                });
            }
            if stop() {
                return Ok(false);
            }
            self.has_room.wait_for(&mut state, LOOK_AGAIN);
        }
    }

    /// Hands out up to `most` records with payloads of up to `bytes` in total, but at least one if there is
    /// one.
    pub(crate) fn lease(&self, bytes: usize, most: usize) -> Result<Lease, BufferError> {
        let mut state = self.state.lock();
        state.lease(bytes, most).map_err(|source| BufferError {
            path: self.path.clone(),
            source,
        })
    }

    /// Marks everything leased as delivered.
    pub(crate) fn commit(&self) -> Result<(), BufferError> {
        let mut state = self.state.lock();
        let outcome = state.commit().map_err(|source| BufferError {
            path: self.path.clone(),
            source,
        });
        self.has_room.notify_all();
        outcome
    }

    /// Makes everything leased available again.
    pub(crate) fn roll_back(&self) {
        let mut state = self.state.lock();
        state.lease = state.read;
    }

    /// Number of bytes that were damaged and lost since the file was opened.
    pub(crate) fn damaged_bytes(&self) -> u64 {
        self.state.lock().damaged
    }

    /// Number of bytes waiting to be sent.
    pub(crate) fn pending_bytes(&self) -> u64 {
        self.state.lock().pending()
    }

    /// Wakes waiting writers, which then give up. The next agent can open the file even if a query of this
    /// one hangs.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let _ = state.file.unlock();
        drop(state);
        self.has_room.notify_all();
    }
}

impl BufferFile {
    fn recover(file: File) -> io::Result<BufferFile> {
        let length = file.metadata()?.len();
        let mut head = [0_u8; HEADER as usize];
        let is_ours = length >= HEADER && file.read_exact_at(&mut head, 0).is_ok() && head.starts_with(MAGIC);
        let mut state = BufferFile {
            file,
            full: None,
            has_head: is_ours,
            read: HEADER,
            lease: HEADER,
            write: HEADER,
            damaged: 0,
            closed: false,
        };
        if !is_ours {
            state.lose(length.saturating_sub(HEADER));
            state.reset()?;
            return Ok(state);
        }
        let read = u64::from_le_bytes(
            head.get(8..16)
                .and_then(|bytes| bytes.try_into().ok())
                .unwrap_or_default(),
        );
        state.write = length;
        // The read position may itself be damaged. Records that were already sent are then sent again.
        state.read = if state.is_boundary(read) { read } else { HEADER };
        state.lease = state.read;
        let mut position = state.read;
        while let Some(next) = state.after(position) {
            position = next;
        }
        // No complete record follows; usually a torn write, because the agent was killed in the middle of it.
        state.write = position;
        state.lose(length - position);
        // Unchanged values are not written, so that an agent can start on a full disk.
        if position < length {
            state.file.set_len(position)?;
        }
        if position == state.read && position > HEADER {
            state.reset()?;
        }
        Ok(state)
    }

    /// Whether a record, or the end, is at this position; if neither, whether records lead to it.
    fn is_boundary(&self, wanted: u64) -> bool {
        if !(HEADER..=self.write).contains(&wanted) {
            return false;
        }
        if wanted == self.write || matches!(self.record_at(wanted), Ok(Some(_))) {
            return true;
        }
        let mut position = HEADER;
        while position < wanted {
            let Some(next) = self.after(position) else {
                return false;
            };
            position = next;
        }
        position == wanted
    }

    /// The end of the record at this position, whether complete or damaged.
    fn after(&self, position: u64) -> Option<u64> {
        let whole = self.record_at(position).ok().flatten();
        whole.map(|(_, end)| end).or_else(|| self.after_damage(position))
    }

    /// The start of the record after a damaged one, if the length of that is intact.
    fn after_damage(&self, position: u64) -> Option<u64> {
        let length = self.read_head(position).ok()?.length();
        let end = position + RECORD_HEAD + length as u64;
        let is_next = matches!(self.record_at(end), Ok(Some(_)));
        (length <= MAX_RECORD && (end == self.write || is_next)).then_some(end)
    }

    fn lose(&mut self, bytes: u64) {
        if bytes > 0 {
            tracing::warn!(bytes, "a part of the buffer file is damaged and dropped");
            self.damaged += bytes;
        }
    }

    /// Empties the file. If there is no room even for the header, it is written with the next record.
    fn reset(&mut self) -> io::Result<()> {
        (self.read, self.lease, self.write) = (HEADER, HEADER, HEADER);
        if self.has_head {
            // The block of the header is kept: on a full disk, it might not be available again.
            self.file.set_len(HEADER)?;
            return self.file.write_all_at(&HEADER.to_le_bytes(), 8);
        }
        self.file.set_len(0)?;
        match self.write_head() {
            Err(error) if is_no_space(&error) => Ok(()),
            outcome => outcome,
        }
    }

    fn write_head(&mut self) -> io::Result<()> {
        let mut head = [0_u8; HEADER as usize];
        head[..8].copy_from_slice(MAGIC);
        head[8..].copy_from_slice(&HEADER.to_le_bytes());
        self.file.write_all_at(&head, 0)?;
        self.has_head = true;
        Ok(())
    }

    fn pending(&self) -> u64 {
        self.write - self.read
    }

    fn append(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut record = Vec::with_capacity(payload.len() + records::HEAD);
        if !records::append(payload, &mut record) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if !self.has_head {
            self.write_head()?;
        }
        if let Err(error) = self.file.write_all_at(&record, self.write) {
            // A partial record must not stay: records written after it would never be found.
            self.file.set_len(self.write)?;
            return Err(error);
        }
        self.write += record.len() as u64;
        Ok(())
    }

    /// The record at a position and its end; `None` at the end of the file, or if the record is torn or
    /// damaged, or the file was truncated.
    fn record_at(&self, position: u64) -> io::Result<Option<(Vec<u8>, u64)>> {
        match self.read_record(position) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            outcome => outcome,
        }
    }

    fn read_record(&self, position: u64) -> io::Result<Option<(Vec<u8>, u64)>> {
        if position + RECORD_HEAD > self.write {
            return Ok(None);
        }
        let head = self.read_head(position)?;
        let length = head.length();
        let end = position + RECORD_HEAD + length as u64;
        // After a crash of the machine, a file may end in zeros, which would look like empty records.
        if length == 0 || length > MAX_RECORD || end > self.write {
            return Ok(None);
        }
        let mut payload = vec![0; length];
        self.file.read_exact_at(&mut payload, position + RECORD_HEAD)?;
        Ok(head.fits(&payload).then_some((payload, end)))
    }

    fn read_head(&self, position: u64) -> io::Result<Head> {
        let mut head = [0_u8; records::HEAD];
        self.file.read_exact_at(&mut head, position)?;
        Ok(Head::parse(head))
    }

    fn lease(&mut self, bytes: usize, most: usize) -> io::Result<Lease> {
        let mut lease = Lease::default();
        let mut total = 0;
        while lease.records.len() < most.max(1) {
            match self.record_at(self.lease)? {
                Some((payload, _)) if !lease.records.is_empty() && total + payload.len() > bytes => break,
                Some((payload, end)) => {
                    total += payload.len();
                    self.lease = end;
                    lease.records.push(payload);
                }
                None if self.lease < self.write => {
                    let (start, end) = (self.lease, self.write);
                    if let Some(next) = self.after_damage(start) {
                        self.lease = next;
                        self.lose(next - start);
                    } else {
                        // The records after this one cannot be found any more.
                        self.write = start;
                        self.file.set_len(start)?;
                        self.lose(end - start);
                    }
                }
                None => break,
            }
        }
        lease.is_all = self.lease == self.write;
        Ok(lease)
    }

    fn commit(&mut self) -> io::Result<()> {
        if self.lease == self.write {
            return self.reset();
        }
        self.read = self.lease;
        self.file.write_all_at(&self.read.to_le_bytes(), 8)
    }
}

/// True if the disk is full, or the quota of this user.
fn is_no_space(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

#[cfg(test)]
impl Buffer {
    /// A buffer on a disk that stays full, whose writers wait for `disk_patience`.
    pub(crate) fn on_full_disk(disk_patience: Duration) -> Buffer {
        let file = File::options().read(true).write(true).open("/dev/full").unwrap();
        let state = BufferFile {
            file,
            full: None,
            has_head: false,
            read: HEADER,
            lease: HEADER,
            write: HEADER,
            damaged: 0,
            closed: false,
        };
        Buffer {
            state: Mutex::new(state),
            has_room: Condvar::new(),
            path: "full".to_owned(),
            max_size: 1 << 20,
            disk_patience,
        }
    }
}

#[cfg(test)]
mod tests;
