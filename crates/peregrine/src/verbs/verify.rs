//! `peregrine artifacts verify`: checks definitions without running them.

use crate::registry;
use anyhow::Context as _;
use peregrine_artifacts::verify::RegistryCatalogue;
use peregrine_artifacts::{Origin, Repository, verify_yaml};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Folders deeper than this hold no definitions.
const MAX_DEPTH: usize = 16;

/// Checks what is in the paths; `known` is what it may call besides.
pub(crate) fn run(paths: &[PathBuf], known: &Repository) -> anyhow::Result<ExitCode> {
    let mut files = Vec::new();
    for path in paths {
        find(path, 0, &mut files)?;
    }
    anyhow::ensure!(!files.is_empty(), "no `.yaml` files found");
    // All are loaded before any is checked, so that they may call each other.
    let repository = known.child();
    let mut texts = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading `{}`", path.display()))?;
        // What can't be loaded is reported when it is checked.
        let _ = repository.load(&text, Origin::BuiltIn);
        texts.push((path, text));
    }
    let catalogue = RegistryCatalogue(registry::registry());
    let mut out = std::io::stdout().lock();
    let mut had_error = false;
    for (path, text) in &texts {
        let result = verify_yaml(text, &repository, &catalogue);
        had_error |= !result.errors.is_empty();
        let verdict = if result.errors.is_empty() { "ok" } else { "FAILED" };
        writeln!(out, "{}: {verdict}", path.display())?;
        for issue in &result.errors {
            writeln!(out, "  error {issue}")?;
        }
        for issue in &result.warnings {
            writeln!(out, "  warning {issue}")?;
        }
    }
    Ok(if had_error {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn find(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let metadata = std::fs::metadata(path).with_context(|| format!("`{}`", path.display()))?;
    if !metadata.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    anyhow::ensure!(depth < MAX_DEPTH, "`{}` is too deep", path.display());
    let mut entries: Vec<PathBuf> = std::fs::read_dir(path)?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    for entry in entries {
        let is_definition = entry
            .extension()
            .is_some_and(|ending| ending == "yaml" || ending == "yml");
        if entry.is_dir() || is_definition {
            find(&entry, depth + 1, files)?;
        }
    }
    Ok(())
}
