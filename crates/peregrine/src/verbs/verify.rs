//! `peregrine artifacts verify`: checks definitions without running them.

use crate::{files, registry};
use anyhow::Context as _;
use peregrine_artifacts::verify::RegistryCatalogue;
use peregrine_artifacts::{Origin, Repository, verify_yaml};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Checks the definitions in the paths; they may also call those in `known`.
pub(crate) fn run(paths: &[PathBuf], known: &Repository) -> anyhow::Result<ExitCode> {
    let mut found = Vec::new();
    for path in paths {
        found.extend(files::find(path, peregrine_artifacts::is_yaml_file)?);
    }
    anyhow::ensure!(!found.is_empty(), "no `.yaml` files found");
    // All are loaded before any is checked, because they may call each other.
    let repository = known.child();
    let mut texts = Vec::new();
    for path in found {
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading `{}`", path.display()))?;
        // Definitions that cannot be loaded are reported when they are checked.
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
