//! Passes rows from one thread to another, in memory or, beyond a limit, in a file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::prelude::*;

/// Number of rows that may wait in memory.
const IN_MEMORY: usize = 1000;
/// How often to check whether the query has ended.
const TICK: Duration = Duration::from_millis(100);
/// Bytes that may wait in a file before the writer has to wait.
const MAX_FILE: u64 = 4 << 30;

/// A queue with one writer and one reader.
pub(super) struct RowQueue {
    state: Mutex<WaitingRows>,
    changed: Condvar,
    may_use_file: bool,
}

#[derive(Default)]
struct WaitingRows {
    rows: VecDeque<Row>,
    file: Option<Spill>,
    has_ended: bool,
    is_left: bool,
}

impl RowQueue {
    pub(super) fn new(may_use_file: bool) -> RowQueue {
        RowQueue {
            state: Mutex::default(),
            changed: Condvar::new(),
            may_use_file,
        }
    }

    /// Adds a row, waiting for space. False when the reader is gone.
    pub(super) fn push(&self, scope: &Scope, row: &Row) -> Result<bool, Stop> {
        let mut state = self.state.lock();
        loop {
            if state.is_left {
                return Ok(false);
            }
            if state.file.is_none() && state.rows.len() < IN_MEMORY {
                state.rows.push_back(row.clone());
                break;
            }
            // Once rows wait in the file, later ones queue up behind them.
            if self.may_use_file && state.file.as_ref().is_none_or(|file| file.bytes < MAX_FILE) {
                match state.spill(scope, row) {
                    Ok(()) => break,
                    Err(error) => {
                        scope.log_line(&format!("generate: a row could not be kept in a file: {error}"));
                        return Err(Stop);
                    }
                }
            }
            if scope.cancellation().is_cancelled() {
                return Err(Stop);
            }
            self.changed.wait_for(&mut state, TICK);
        }
        self.changed.notify_all();
        Ok(true)
    }

    /// The next row; `None` at the end.
    pub(super) fn pop(&self, scope: &Scope) -> Result<Option<Row>, Stop> {
        let mut state = self.state.lock();
        loop {
            if state.rows.is_empty()
                && let Err(error) = state.refill()
            {
                scope.log_line(&format!(
                    "generate: rows kept in a file could not be read: {error}"
                ));
                return Ok(None);
            }
            if let Some(row) = state.rows.pop_front() {
                self.changed.notify_all();
                return Ok(Some(row));
            }
            if state.has_ended {
                return Ok(None);
            }
            if scope.cancellation().is_cancelled() {
                return Err(Stop);
            }
            self.changed.wait_for(&mut state, TICK);
        }
    }

    /// Marks the end of the rows.
    pub(super) fn end(&self) {
        self.state.lock().has_ended = true;
        self.changed.notify_all();
    }

    /// Marks that nobody reads any more.
    pub(super) fn leave(&self) {
        let mut state = self.state.lock();
        state.is_left = true;
        let rows = std::mem::take(&mut state.rows);
        state.file = None;
        drop(state);
        drop(rows);
        self.changed.notify_all();
    }

    /// False once the reader is gone.
    pub(super) fn is_read(&self) -> bool {
        !self.state.lock().is_left
    }
}

impl WaitingRows {
    fn spill(&mut self, scope: &Scope, row: &Row) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(Spill::new(scope)?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut line = Vec::new();
        json::write_row_exactly(scope, row, &mut line);
        if line.is_empty() {
            // The query ends.
            return Ok(());
        }
        line.push(b'\n');
        file.bytes += line.len() as u64;
        file.writer.write_all(&line)
    }

    /// Moves rows from the file into memory; the file is removed once it has been read.
    fn refill(&mut self) -> io::Result<()> {
        use std::io::BufRead;
        let Some(file) = &mut self.file else { return Ok(()) };
        file.writer.flush()?;
        let mut reader = BufReader::new(file.writer.get_ref().try_clone()?);
        reader.seek(SeekFrom::Start(file.read))?;
        let mut line = Vec::new();
        while self.rows.len() < IN_MEMORY && file.read < file.bytes {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            if length == 0 {
                break;
            }
            file.read += length as u64;
            let row = json::decode_row(&line).map_err(|error| io::Error::other(error.to_string()))?;
            self.rows.push_back(row);
        }
        // The two handles share one position.
        file.writer.seek(SeekFrom::End(0))?;
        if file.read >= file.bytes {
            self.file = None;
        }
        Ok(())
    }
}

/// A file whose name has been removed, so that it disappears with its last handle.
struct Spill {
    writer: BufWriter<File>,
    bytes: u64,
    read: u64,
}

impl Spill {
    fn new(scope: &Scope) -> io::Result<Spill> {
        let path = crate::files::temporary::fresh_path(scope, b".rows").map_err(io::Error::other)?;
        let mut options = File::options();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        if cfg!(unix) {
            std::fs::remove_file(&path)?;
        } else {
            crate::files::temporary::remove_at_close(scope, path);
        }
        Ok(Spill {
            writer: BufWriter::new(file),
            bytes: 0,
            read: 0,
        })
    }
}
