//! Checks what the compiler does not: files are short and begin with a `//!` sentence, no test asserts a time, and finding
//! codes have snapshots.

use crate::files::find;
use crate::{doc_tests, snapshots};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

/// Most lines of a file; a longer one hides two subjects.
const LONGEST: usize = 600;
/// Folders with our code.
const FOLDERS: &[&str] = &["bench", "crates", "fuzz", "xtask"];
/// Generated files, which are not checked.
const GENERATED: &[&str] = &["crates/peregrine-proto/src/generated.rs"];

/// Fails with every Rust file that is too long, does not begin with a `//!` sentence or asserts how long something takes,
/// every finding code without a snapshot, and every library with wrong doc test settings.
pub fn check(root: &Path) -> Result<()> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        files.extend(find(&root.join(folder), "rs")?);
    }
    let mut faults = snapshots::codes_without(root)?;
    faults.extend(doc_tests::faults(root)?);
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        if GENERATED.contains(&name.as_str()) {
            continue;
        }
        let text = fs::read_to_string(&file).with_context(|| format!("reading `{name}`"))?;
        faults.extend(faults_of(&text).map(|fault| format!("`{name}` {fault}")));
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

/// Finds assertions about elapsed time, which fail on busy machines. To test that something ends, make the alternative
/// never end.
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
