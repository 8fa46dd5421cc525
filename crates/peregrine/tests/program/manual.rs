//! The committed reference manual is what this program would write.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const HOW: &str = "run `cargo run -p peregrine -- vql manual docs/reference` and commit the result";

#[test]
fn the_committed_manual_is_fresh() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path());
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    let (fresh, committed) = (pages(folder.path()), pages(&committed));
    let stale: Vec<&String> = fresh
        .keys()
        .chain(committed.keys())
        .filter(|name| fresh.get(*name) != committed.get(*name))
        .collect();
    assert!(stale.is_empty(), "stale pages {stale:?}: {HOW}");
}

#[test]
fn a_page_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path());
    let before = pages(folder.path());
    std::fs::write(folder.path().join("notes.md"), "mine").unwrap();
    let outdated = before["README.md"].replace("VQL", "old");
    std::fs::write(folder.path().join("gone.md"), outdated).unwrap();
    generate(folder.path());
    let mut after = pages(folder.path());
    assert_eq!(after.remove("notes.md").as_deref(), Some("mine"));
    assert_eq!(after, before, "an outdated generated page is removed");

    std::fs::write(folder.path().join("README.md"), "mine").unwrap();
    let output = manual(folder.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("was not generated"));
}

#[test]
fn every_link_of_the_index_leads_somewhere() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path());
    let pages = pages(folder.path());
    let index = &pages["README.md"];
    let mut links = 0;
    for target in index
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
    {
        let (page, anchor) = target.split_once('#').unwrap_or((target, ""));
        let text = pages.get(page).unwrap_or_else(|| panic!("no page `{page}`"));
        assert!(
            anchor.is_empty() || text.contains(&format!("<a id=\"{anchor}\"></a>")),
            "{target}"
        );
        links += 1;
    }
    assert!(links > 50, "{links} links");
}

fn manual(folder: &Path) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_peregrine"))
        .args(["vql", "manual"])
        .arg(folder)
        .output()
        .unwrap()
}

fn generate(folder: &Path) {
    let output = manual(folder);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn pages(folder: &Path) -> BTreeMap<String, String> {
    std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("`{}`: {error}; {HOW}", folder.display()))
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            (entry.file_name().into_string().unwrap(), text)
        })
        .collect()
}
