//! Helpers for several functions: opening files with any accessor, JSON text of values.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use crate::prelude::*;

/// Text formats are parsed in memory; larger files are refused.
pub(crate) const MAX_TEXT: u64 = 64 << 20;

/// An open file, the accessor that opened it, and its path.
pub(crate) type Opened = (Box<dyn FileReader>, Arc<dyn Accessor>, OsPath);

/// Opens a file with the accessor of this name.
pub(crate) fn open(scope: &Scope, name: Option<&String>, path: &PathArg) -> Result<Opened, String> {
    let files = accessor(scope, name.map_or("", String::as_str)).map_err(|error| error.to_string())?;
    let path = path.resolve(scope, files.as_ref())?;
    let reader = files.open(scope, &path).map_err(|error| error.to_string())?;
    Ok((reader, files, path))
}

/// Reads a whole file that is parsed in memory.
pub(crate) fn read_all(scope: &Scope, name: Option<&String>, path: &PathArg) -> Result<Vec<u8>, String> {
    let (reader, _, path) = open(scope, name, path)?;
    let content = read_to_end(scope, reader.take(MAX_TEXT + 1))
        .map_err(|error| error.to_string())?
        .map_err(|error| format!("`{}`: {error}", path.to_text()))?;
    if content.len() as u64 > MAX_TEXT {
        return Err(format!("`{}` has more than {MAX_TEXT} bytes", path.to_text()));
    }
    Ok(content)
}

/// A path of the operating system, byte by byte.
pub(crate) fn system_path(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

/// Reads to the end, as long as the query may hold the data.
pub(crate) fn read_to_end(scope: &Scope, mut input: impl Read) -> VqlResult<io::Result<Vec<u8>>> {
    const STEP: usize = 64 << 10;
    let mut content = Vec::new();
    loop {
        // As much again, which is how lists grow.
        let step = content.len().max(STEP);
        scope.reserve(step)?;
        let before = content.len();
        if let Err(error) = input.by_ref().take(step as u64).read_to_end(&mut content) {
            return Ok(Err(error));
        }
        if content.len() - before < step {
            return Ok(Ok(content));
        }
    }
}

/// A value as compact JSON.
pub(crate) fn json_text(scope: &Scope, value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    json::write_value(scope, value, &mut out);
    out
}

/// Parses JSON text, in which long RFC 3339 strings become times.
pub fn text_of_json(text: &[u8]) -> Result<Value, String> {
    json::parse_with_times(text).map_err(|error| error.to_string())
}
