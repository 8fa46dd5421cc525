//! The changelog: one file per change in `changelog.d/`, merged into `CHANGELOG.md` at a release.

use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};

const FOLDER: &str = "changelog.d";
const CHANGELOG: &str = "CHANGELOG.md";
const UNRELEASED: &str = "## Unreleased";

/// Sections in the order in which people want to read them: the end of an entry's file name, and the heading.
const KINDS: &[(&str, &str)] = &[
    ("security", "Security"),
    ("added", "Added"),
    ("changed", "Changed"),
    ("fixed", "Fixed"),
    ("removed", "Removed"),
];

/// A change, as described in its file.
#[derive(Debug, PartialEq)]
struct Entry {
    /// Index into `KINDS`.
    kind: usize,
    text: String,
}

/// Reports errors in the form of the entries.
pub fn check(root: &Path) -> Result<()> {
    read_entries(root).map(drop)
}

/// Turns the unreleased changes, including the entries, into a version, and removes the entry files.
pub fn release(root: &Path, version: &str) -> Result<()> {
    ensure!(
        version.split('.').count() == 3 && version.split('.').all(|part| part.parse::<u32>().is_ok()),
        "`{version}` is not a version; give three numbers, such as 0.2.0"
    );
    let (files, entries): (Vec<PathBuf>, Vec<Entry>) = read_entries(root)?.into_iter().unzip();
    let path = root.join(CHANGELOG);
    let changelog = fs::read_to_string(&path).with_context(|| format!("reading `{CHANGELOG}`"))?;
    fs::write(&path, joined(&changelog, version, &entries)?)
        .with_context(|| format!("writing `{CHANGELOG}`"))?;
    for file in files {
        fs::remove_file(&file).with_context(|| format!("removing `{}`", file.display()))?;
    }
    Ok(())
}

/// All entries by name, with their files; or everything that is wrong with them.
fn read_entries(root: &Path) -> Result<Vec<(PathBuf, Entry)>> {
    let folder = root.join(FOLDER);
    let mut files = Vec::new();
    for file in fs::read_dir(&folder).with_context(|| format!("listing `{FOLDER}`"))? {
        files.push(file?.path());
    }
    files.sort();
    let mut entries = Vec::new();
    let mut faults = Vec::new();
    for file in files {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name == "README.md" {
            continue;
        }
        let text = fs::read_to_string(&file).with_context(|| format!("reading `{FOLDER}/{name}`"))?;
        match parse_entry(&name, &text) {
            Ok(entry) => entries.push((file, entry)),
            Err(fault) => faults.push(format!("`{FOLDER}/{name}`: {fault}")),
        }
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(entries)
}

fn parse_entry(name: &str, text: &str) -> Result<Entry> {
    let kind = name.strip_suffix(".md").and_then(|name| name.split_once('.'));
    let Some((subject, kind)) = kind else {
        bail!("is not named `<subject>.<kind>.md`")
    };
    ensure!(
        !subject.is_empty()
            && subject
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
        "`{subject}` has more than small letters, digits and hyphens"
    );
    let Some(kind) = KINDS.iter().position(|(name, _)| *name == kind) else {
        let kinds: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        bail!("kind `{kind}` is not one of {}", kinds.join(", "));
    };
    let text = text.trim_end();
    ensure!(!text.is_empty(), "is empty");
    ensure!(
        text.lines().all(|line| !line.trim().is_empty()),
        "is more than one paragraph; make it several files"
    );
    ensure!(
        !text.starts_with(['-', '*', '#', ' ']),
        "begins with a mark; write plain sentences"
    );
    ensure!(
        text.ends_with('.'),
        "does not end with a full stop; write whole sentences"
    );
    Ok(Entry {
        kind,
        text: text.to_owned(),
    })
}

/// The changelog after a release: text under "Unreleased" follows the entries.
fn joined(changelog: &str, version: &str, entries: &[Entry]) -> Result<String> {
    ensure!(
        !changelog.contains(&format!("## {version}\n")),
        "`{version}` is released already"
    );
    let Some((before, after)) = changelog.split_once(UNRELEASED) else {
        bail!("`{CHANGELOG}` has no heading `{UNRELEASED}`; add it above the newest version");
    };
    let mut sections = String::new();
    for (kind, (_, heading)) in KINDS.iter().enumerate() {
        let mut texts = entries.iter().filter(|entry| entry.kind == kind).peekable();
        if texts.peek().is_none() {
            continue;
        }
        sections.push_str(&format!("\n### {heading}\n\n"));
        for entry in texts {
            sections.push_str(&format!("- {}\n", entry.text.replace('\n', "\n  ")));
        }
    }
    let after = after.trim_start_matches('\n');
    Ok(format!(
        "{before}{UNRELEASED}\n\n## {version}\n{sections}\n{after}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_a_subject_a_kind_and_a_sentence() {
        let entry = parse_entry("faster-globs.changed.md", "Globs are faster,\nalso deep ones.\n").unwrap();
        assert_eq!(
            entry,
            Entry {
                kind: 2,
                text: "Globs are faster,\nalso deep ones.".to_owned()
            }
        );
        for (name, text, fault) in [
            ("globs.md", "Globs.", "is not named"),
            ("Globs.fixed.md", "Globs.", "small letters"),
            (
                "globs.better.md",
                "Globs.",
                "kind `better` is not one of security, added",
            ),
            ("globs.fixed.md", "\n", "is empty"),
            ("globs.fixed.md", "One.\n\nTwo.\n", "more than one paragraph"),
            ("globs.fixed.md", "- Globs.\n", "begins with a mark"),
            ("globs.fixed.md", "Globs\n", "full stop"),
        ] {
            let message = parse_entry(name, text).unwrap_err().to_string();
            assert!(message.contains(fault), "{name}: {message}");
        }
    }

    #[test]
    fn a_release_keeps_what_was_written_before_and_orders_the_rest() {
        let entry = |kind, text: &str| Entry {
            kind,
            text: text.to_owned(),
        };
        let entries = [
            entry(3, "A fix."),
            entry(0, "A hole\nclosed."),
            entry(3, "Another."),
        ];
        let after = joined(
            "# Changelog\n\n## Unreleased\n\n- Old.\n\n## 0.1.0\n",
            "0.2.0",
            &entries,
        )
        .unwrap();
        assert_eq!(
            after,
            "# Changelog\n\n## Unreleased\n\n## 0.2.0\n\n### Security\n\n- A hole\n  closed.\n\n### Fixed\n\n- A fix.\n\
             - Another.\n\n- Old.\n\n## 0.1.0\n"
        );
        assert!(joined(&after, "0.2.0", &entries).is_err());
        assert!(joined("# Changelog\n", "0.2.0", &entries).is_err());
    }

    #[test]
    fn a_release_empties_the_folder() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join(FOLDER)).unwrap();
        fs::write(root.path().join(CHANGELOG), "## Unreleased\n").unwrap();
        fs::write(root.path().join(FOLDER).join("README.md"), "How.").unwrap();
        fs::write(root.path().join(FOLDER).join("a.added.md"), "Something new.\n").unwrap();
        assert!(release(root.path(), "next").is_err());
        release(root.path(), "0.2.0").unwrap();
        let changelog = fs::read_to_string(root.path().join(CHANGELOG)).unwrap();
        assert_eq!(
            changelog,
            "## Unreleased\n\n## 0.2.0\n\n### Added\n\n- Something new.\n\n"
        );
        assert_eq!(fs::read_dir(root.path().join(FOLDER)).unwrap().count(), 1);
    }
}
