//! Lines of files from any accessor, with gzip decompressed.

use std::io::{self, BufRead, BufReader, Read};

use flate2::read::MultiGzDecoder;
use peregrine_accessors::{Accessor, OsPath};
use peregrine_engine::prelude::*;

/// Memory of the line buffer that is kept for the next line.
const USUAL_LINE: usize = 64 << 10;

/// The content of a file, decompressed if it is a gzip file.
pub(super) fn open(
    scope: &Scope,
    files: &dyn Accessor,
    path: &OsPath,
) -> Result<Box<dyn BufRead + Send>, String> {
    let reader = files.open(scope, path).map_err(|error| error.to_string())?;
    let mut reader = BufReader::with_capacity(64 << 10, reader);
    let start = reader.fill_buf().map_err(|error| error.to_string())?;
    if start.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::with_capacity(
            64 << 10,
            MultiGzDecoder::new(reader),
        )));
    }
    Ok(Box::new(reader))
}

/// Opens a file; on failure, the reason is logged.
pub(super) fn open_or_log(
    scope: &Scope,
    plugin: &str,
    files: &dyn Accessor,
    path: &OsPath,
) -> Option<Box<dyn BufRead + Send>> {
    open(scope, files, path)
        .map_err(|error| scope.log_line(&format!("{plugin}: {error}")))
        .ok()
}

/// The next line without its end; `None` at the end. Lines of more than `limit` bytes are an error.
pub(super) fn next_line(reader: &mut dyn BufRead, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    Ok(read_line(reader, limit, &mut line)?.then_some(line))
}

/// Replaces `line` by the next line without its end; false at the end. Lines of more than `limit` bytes are
/// an error.
pub(super) fn read_line(reader: &mut dyn BufRead, limit: usize, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    // The memory of a single long line is not kept.
    line.shrink_to(USUAL_LINE);
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    if reader.take(most).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    } else if line.len() > limit {
        return Err(io::Error::other(format!(
            "a line has more than {limit} bytes; raise `buffer_size`"
        )));
    }
    Ok(true)
}

/// The text without a UTF-8 byte order mark.
pub(super) fn without_mark(text: &mut Vec<u8>) {
    if text.starts_with("\u{feff}".as_bytes()) {
        text.drain(..3);
    }
}

/// A size argument, clamped to a sensible range.
pub(super) fn buffer_size(size: i64) -> usize {
    usize::try_from(size).unwrap_or(0).clamp(1024, 64 << 20)
}
