//! Follows files and yields appended lines as they come: shared by `watch_syslog()`, `watch_jsonl()` and
//! `watch_csv()`.
//!
//! A file that exists at the start is followed from its end; one that appears later, from its start. A file
//! is kept open between checks, so that lines written before it was moved away (rotation) are not lost; then
//! the new file of that name is read from its start, and so is a file that has become shorter (truncation).

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use peregrine_accessors::{Accessor, FileReader, OsPath, coerce};
use peregrine_engine::prelude::*;

/// Seconds between checks, unless the variable `WATCH_FREQUENCY` is set.
const PERIOD: f64 = 3.0;
/// Number of bytes read at a time, and maximum length of a line, unless set otherwise.
const BUFFER: usize = 16 << 10;
/// Maximum number of files followed at the same time.
const MAX_FILES: usize = 10_000;

/// The files to follow.
pub(super) enum Paths {
    Fixed(Vec<OsPath>),
    /// A query with the column `OSPath`, run again at every check.
    Query(Query),
}

/// A line, without its end.
pub(super) struct Line<'a> {
    pub(super) path: &'a OsPath,
    pub(super) text: Vec<u8>,
    /// True for the first line of its file.
    pub(super) is_first: bool,
}

/// Follows files until the query ends.
pub(super) fn follow(
    scope: &Scope,
    files: &Arc<dyn Accessor>,
    paths: &Paths,
    buffer: i64,
    on_line: &mut dyn FnMut(Line<'_>) -> VqlResult<()>,
) -> VqlResult<()> {
    let buffer = match usize::try_from(buffer) {
        Ok(0) | Err(_) => BUFFER,
        Ok(size) => size.clamp(64, 16 << 20),
    };
    let seconds = scope
        .get("WATCH_FREQUENCY")
        .and_then(|seconds| seconds.reduce(scope).as_f64());
    let period = Duration::from_secs_f64(seconds.unwrap_or(PERIOD).clamp(0.02, 3600.0));
    let mut followed: HashMap<Vec<u8>, Followed> = HashMap::new();
    let mut is_first_look = true;
    loop {
        let wanted = match paths {
            Paths::Fixed(paths) => paths.clone(),
            Paths::Query(query) => paths_of(scope, files.as_ref(), query),
        };
        if let Paths::Query(_) = paths {
            let names: std::collections::HashSet<Vec<u8>> = wanted.iter().map(OsPath::to_bytes).collect();
            followed.retain(|name, _| names.contains(name));
        }
        for path in wanted.into_iter().take(MAX_FILES) {
            let file = followed
                .entry(path.to_bytes())
                .or_insert_with(|| Followed::new(path));
            if file.reader.is_none() {
                file.open(scope, files.as_ref(), is_first_look);
            }
            file.look(scope, files.as_ref(), buffer, on_line)?;
        }
        is_first_look = false;
        if scope.cancellation().wait(period) {
            return Err(VqlError::Stopped);
        }
        scope.checkpoint()?;
    }
}

fn paths_of(scope: &Scope, files: &dyn Accessor, query: &Query) -> Vec<OsPath> {
    let rows = query.collect(scope).into_iter();
    rows.filter_map(|row| row.get("OSPath"))
        .filter_map(|path| coerce(scope, files, &path.reduce(scope)).ok())
        .collect()
}

/// A file and the position up to which it was read.
struct Followed {
    path: OsPath,
    reader: Option<Box<dyn FileReader>>,
    /// Device and inode, if the system has them: reveals that another file has the name now.
    identity: Option<(u64, u64)>,
    position: u64,
    /// The beginning of a line whose end has not been written yet.
    begun: Vec<u8>,
    is_first: bool,
    was_reported: bool,
}

impl Followed {
    fn new(path: OsPath) -> Followed {
        Followed {
            path,
            reader: None,
            identity: None,
            position: 0,
            begun: Vec::new(),
            is_first: true,
            was_reported: false,
        }
    }

    /// Opens the file. A missing one is waited for, and logged once.
    fn open(&mut self, scope: &Scope, files: &dyn Accessor, at_end: bool) {
        self.identity = identity(files, &self.path).map(|(identity, _)| identity);
        (self.position, self.is_first) = (0, true);
        self.begun.clear();
        match files.open(scope, &self.path) {
            Ok(mut reader) => {
                if at_end {
                    self.position = after_last_line(reader.as_mut()).unwrap_or(0);
                    self.is_first = self.position == 0;
                }
                self.reader = Some(reader);
                self.was_reported = false;
            }
            Err(error) => {
                self.reader = None;
                if !std::mem::replace(&mut self.was_reported, true) {
                    scope.log_line(&format!("INFO:{error}; it is waited for"));
                }
            }
        }
    }

    /// Emits new lines, then checks whether another file has the name.
    fn look(
        &mut self,
        scope: &Scope,
        files: &dyn Accessor,
        buffer: usize,
        on_line: &mut dyn FnMut(Line<'_>) -> VqlResult<()>,
    ) -> VqlResult<()> {
        // Twice, so that a file that has replaced another is read at once.
        for _ in 0..2 {
            self.read(scope, buffer, on_line)?;
            let is_other = match (self.identity, identity(files, &self.path)) {
                (Some(own), Some((now, _))) if own != now => true,
                (Some(_), Some((_, size))) => size < self.position,
                // It was moved away, and has not been replaced yet.
                (Some(_), None) => false,
                (None, _) => {
                    let size = files
                        .lstat(scope, &self.path)
                        .map(|info| u64::try_from(info.size).unwrap_or(0));
                    // For a file that does not stay open, only the size can be compared.
                    match size {
                        Ok(size) if size < self.position => true,
                        Ok(size) if size > self.position => {
                            self.reader = files.open(scope, &self.path).ok();
                            return self.read(scope, buffer, on_line);
                        }
                        _ => false,
                    }
                }
            };
            if !is_other {
                return Ok(());
            }
            if !self.begun.is_empty() {
                self.emit(on_line)?;
            }
            self.open(scope, files, false);
        }
        Ok(())
    }

    fn read(
        &mut self,
        scope: &Scope,
        buffer: usize,
        on_line: &mut dyn FnMut(Line<'_>) -> VqlResult<()>,
    ) -> VqlResult<()> {
        let mut piece = vec![0; buffer];
        loop {
            let Some(reader) = &mut self.reader else {
                return Ok(());
            };
            let read = reader
                .seek(SeekFrom::Start(self.position))
                .and_then(|_| reader.read(&mut piece));
            let length = match read {
                Ok(0) => return Ok(()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    scope.log_line(&format!("`{}`: {error}", self.path.to_text()));
                    self.reader = None;
                    return Ok(());
                }
            };
            self.position += length as u64;
            for part in piece[..length].split_inclusive(|byte| *byte == b'\n') {
                self.begun.extend_from_slice(part);
                if part.ends_with(b"\n") || self.begun.len() >= buffer {
                    scope.checkpoint()?;
                    self.emit(on_line)?;
                }
            }
        }
    }

    fn emit(&mut self, on_line: &mut dyn FnMut(Line<'_>) -> VqlResult<()>) -> VqlResult<()> {
        let mut text = std::mem::take(&mut self.begun);
        if text.last() == Some(&b'\n') {
            text.pop();
            if text.last() == Some(&b'\r') {
                text.pop();
            }
        }
        let is_first = std::mem::replace(&mut self.is_first, false);
        on_line(Line {
            path: &self.path,
            text,
            is_first,
        })
    }
}

/// The position after the last line end within the last 16 KiB, else the end.
fn after_last_line(reader: &mut dyn FileReader) -> io::Result<u64> {
    let end = reader.seek(SeekFrom::End(0))?;
    let start = end.saturating_sub(BUFFER as u64);
    reader.seek(SeekFrom::Start(start))?;
    let mut last = Vec::new();
    reader.take(BUFFER as u64).read_to_end(&mut last)?;
    Ok(match last.iter().rposition(|byte| *byte == b'\n') {
        Some(at) => start + at as u64 + 1,
        None if start == 0 => 0,
        None => end,
    })
}

/// The identity and size of the file that has the name now; `None` for files outside the operating system.
fn identity(files: &dyn Accessor, path: &OsPath) -> Option<((u64, u64), u64)> {
    let info = std::fs::metadata(files.os_file_name(path)?).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Some(((info.dev(), info.ino()), info.len()))
    }
    #[cfg(not(unix))]
    {
        let _ = info;
        None
    }
}
