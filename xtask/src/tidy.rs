//! What no compiler checks: how long files are, that they say what they are about, and that no test asserts a time.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use walkdir::WalkDir;

/// Lines of a file beyond which it hides two subjects.
const LONGEST: usize = 600;
/// Folders with code of ours.
const FOLDERS: &[&str] = &["bench", "crates", "fuzz", "xtask"];
/// Folders of build output and fuzzing inputs.
const IGNORED: &[&str] = &["target", "corpus"];
/// Written by programs.
const GENERATED: &[&str] = &["crates/peregrine-proto/src/generated.rs"];

/// Lists every file of Rust that is too long, begins without a `//!` sentence, or asserts how long something takes.
pub fn check(root: &Path) -> Result<()> {
    let mut faults = Vec::new();
    for folder in FOLDERS {
        let entries = WalkDir::new(root.join(folder)).sort_by_file_name();
        for entry in entries
            .into_iter()
            .filter_entry(|entry| !IGNORED.iter().any(|name| entry.file_name() == *name))
        {
            let path = entry.context("listing the sources")?.into_path();
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            if path.extension().is_none_or(|extension| extension != "rs")
                || GENERATED.contains(&name.as_str())
            {
                continue;
            }
            let text = fs::read_to_string(&path).with_context(|| format!("reading `{name}`"))?;
            faults.extend(faults_of(&text).map(|fault| format!("`{name}` {fault}")));
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    bail!("{}", faults.join("\n"))
}

fn faults_of(text: &str) -> impl Iterator<Item = String> {
    let lines = text.lines().count();
    let too_long =
        (lines > LONGEST).then(|| format!("has {lines} lines, more than {LONGEST}: split it by subject"));
    let no_head = (!text.starts_with("//! "))
        .then(|| "does not begin with a `//!` sentence: say what it is about".to_owned());
    too_long.into_iter().chain(no_head).chain(asserted_times(text))
}

/// A busy machine takes longer than anybody thinks. What must end is shown with something that would otherwise never end.
fn asserted_times(text: &str) -> impl Iterator<Item = String> {
    text.match_indices("assert").filter_map(|(at, _)| {
        let statement = text[at..].split(';').next()?;
        let line = text[..at].lines().count();
        statement.contains(".elapsed()").then(|| {
            format!("asserts a time in line {line}: wait for a condition, or for the end of what else would go on for days")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_short_and_says_what_it_is_about() {
        let faults = |text: &str| faults_of(text).collect::<Vec<_>>();
        assert_eq!(faults("//! Times.\n\nuse x;\n"), Vec::<String>::new());
        assert_eq!(
            faults("use x;\n"),
            ["does not begin with a `//!` sentence: say what it is about"]
        );
        let long = format!("//! Times.\n{}", "\n".repeat(LONGEST));
        assert_eq!(
            faults(&long),
            ["has 601 lines, more than 600: split it by subject"]
        );
        let timed = concat!(
            "//! Times.\nfn f() {\n    assert!(\n        start.elap",
            "sed() < SOON,\n    );\n}\n"
        );
        assert_eq!(
            faults(timed),
            [
                "asserts a time in line 3: wait for a condition, or for the end of what else would go on for days"
            ]
        );
    }
}
