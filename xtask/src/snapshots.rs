//! Checks snapshots: every finding code has one that shows what a user reads, and every snapshot is compared by a test.

use crate::files::find;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Lists the finding codes, which are constants such as `"V010"`, without a snapshot.
pub fn codes_without(root: &Path) -> Result<Vec<String>> {
    let crates = root.join("crates");
    let shown: BTreeSet<String> = find(&crates, "snap")?
        .iter()
        .filter_map(|file| subject(file))
        .collect();
    let mut faults = Vec::new();
    for file in find(&crates, "rs")? {
        let text = fs::read_to_string(&file).with_context(|| format!("reading `{}`", file.display()))?;
        let missing = text
            .lines()
            .filter_map(code)
            .filter(|code| !shown.contains(*code));
        faults.extend(missing.map(|code| format!("code `{code}` has no snapshot: show it in a test")));
    }
    Ok(faults)
}

/// Fails for each snapshot missing from the list that `INSTA_SNAPSHOT_REFERENCES_FILE` made the tests write.
pub fn check_compared(root: &Path, list: &Path) -> Result<()> {
    let compared = fs::read_to_string(list)
        .with_context(|| format!("reading `{}`: run the tests first", list.display()))?;
    let compared: BTreeSet<PathBuf> = compared
        .lines()
        .filter_map(|line| fs::canonicalize(line).ok())
        .collect();
    let root = fs::canonicalize(root)?;
    let left_over: Vec<String> = find(&root.join("crates"), "snap")?
        .into_iter()
        .filter(|file| !compared.contains(file))
        .map(|file| {
            format!(
                "no test compares `{}`: remove it",
                file.strip_prefix(&root).unwrap_or(&file).display()
            )
        })
        .collect();
    if left_over.is_empty() {
        return Ok(());
    }
    bail!("{}", left_over.join("\n"))
}

/// The last part of a snapshot's name, after the modules of its test.
fn subject(file: &Path) -> Option<String> {
    let name = file.file_stem()?.to_str()?;
    Some(name.rsplit("__").next()?.to_owned())
}

/// The code that a line defines.
fn code(line: &str) -> Option<&str> {
    let (_, value) = line.trim().strip_suffix("\";")?.split_once(": &str = \"")?;
    let digits = value.strip_prefix('V')?;
    (digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_where_they_are_defined() {
        assert_eq!(code("    pub const EMPTY: &str = \"V011\";"), Some("V011"));
        assert_eq!(code("const NAME: &str = \"Vera\";"), None);
        assert_eq!(code("assert_eq!(finding.code, \"V011\");"), None);
    }

    #[test]
    fn a_snapshot_that_no_test_compares_is_named() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("crates/a/tests/snapshots");
        fs::create_dir_all(&folder).unwrap();
        for name in ["a__kept.snap", "a__left.snap"] {
            fs::write(folder.join(name), "").unwrap();
        }
        let list = root.path().join("list");
        fs::write(&list, format!("{}\n", folder.join("a__kept.snap").display())).unwrap();
        let fault = check_compared(root.path(), &list).unwrap_err().to_string();
        assert_eq!(
            fault,
            "no test compares `crates/a/tests/snapshots/a__left.snap`: remove it"
        );
        fs::remove_file(folder.join("a__left.snap")).unwrap();
        assert!(check_compared(root.path(), &list).is_ok());
        assert!(check_compared(root.path(), &root.path().join("none")).is_err());
    }
}
