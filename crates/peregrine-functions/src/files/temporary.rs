//! Names for temporary files, and their removal when the query ends.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use peregrine_engine::regex::lossy;

use crate::prelude::*;
use crate::support::system_path;

/// An unused path with this extension.
pub fn fresh_path(scope: &Scope, extension: &[u8]) -> Result<PathBuf, String> {
    if extension.iter().any(|byte| matches!(byte, b'/' | b'\\' | 0)) {
        return Err(format!(
            "`{}` is not an extension; it may not contain separators",
            lossy(extension)
        ));
    }
    let folder = scope
        .context()
        .spill_dir()
        .cloned()
        .unwrap_or_else(std::env::temp_dir);
    let mut bytes = [0; 8];
    scope.context().random().fill(&mut bytes);
    let mut name = OsString::from(format!("tmp{:016x}", u64::from_le_bytes(bytes)));
    name.push(system_path(extension));
    Ok(folder.join(name))
}

/// Removes a file, or a folder with its content, when the query ends.
pub fn remove_at_close(scope: &Scope, path: PathBuf) {
    scope.at_close(Box::new(move |scope| {
        for attempt in 0..10 {
            // Without following links: a folder that was replaced by a link must not lead elsewhere.
            let removed = match fs::symlink_metadata(&path) {
                Err(_) => return,
                Ok(info) if info.is_dir() => fs::remove_dir_all(&path),
                Ok(_) => fs::remove_file(&path),
            };
            match removed {
                Ok(()) => return,
                Err(error) if attempt == 9 => {
                    scope.log_line(&format!("tempfile: `{}` stays: {error}", path.display()));
                }
                // Another program (a virus scanner) may keep it open for a moment.
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }));
}
