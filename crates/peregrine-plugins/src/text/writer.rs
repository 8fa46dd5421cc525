//! Files that plugins write while rows pass through.

use std::fs::{File, OpenOptions};
use std::io::BufWriter;

use peregrine_accessors::{PathArg, accessor};
use peregrine_engine::prelude::*;

/// Opens a file of this machine for writing, readable only by its owner.
pub(super) fn create(
    scope: &Scope,
    path: &PathArg,
    accessor_name: &str,
    append: bool,
    buffer: usize,
) -> VqlResult<(BufWriter<File>, String)> {
    scope.check_access(Permission::FilesystemWrite)?;
    if !matches!(accessor_name, "" | "auto" | "file") {
        return Err(format!("accessor `{accessor_name}` cannot be written to; leave it out").into());
    }
    let files = accessor(scope, accessor_name).map_err(|error| error.to_string())?;
    let path = path.resolve(scope, files.as_ref())?;
    let shown = path.to_text();
    let Some(name) = files.os_file_name(&path) else {
        return Err(format!("`{shown}` is not a file of this machine").into());
    };
    let mut options = OpenOptions::new();
    options.create(true).append(append).write(true).truncate(!append);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options
        .open(name)
        .map_err(|error| format!("`{shown}`: {error}"))?;
    Ok((BufWriter::with_capacity(buffer, file), shown))
}
