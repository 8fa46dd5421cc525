//! Finds files of this repository by extension.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Names of folders to skip: build output and fuzzing inputs.
const IGNORED: &[&str] = &["target", "corpus"];

/// The files below a folder with this extension, sorted by name.
pub fn find(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = WalkDir::new(folder).sort_by_file_name();
    let mut files = Vec::new();
    for entry in entries
        .into_iter()
        .filter_entry(|entry| !IGNORED.iter().any(|name| entry.file_name() == *name))
    {
        let path = entry
            .with_context(|| format!("listing `{}`", folder.display()))?
            .into_path();
        if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    Ok(files)
}
