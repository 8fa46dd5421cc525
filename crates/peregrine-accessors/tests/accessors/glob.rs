//! Globbing over real folders.
#![allow(clippy::unwrap_used)]

use peregrine_accessors::{GlobOptions, OsPath, accessor, glob};
use peregrine_engine::prelude::{Dict, Scope};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;
use std::path::Path;

fn scope() -> Scope {
    let registry = std::sync::Arc::new(peregrine_engine::builtin::registry());
    let context = peregrine_engine::Context::builder().registry(registry).build();
    Scope::root(&context, Dict::new())
}

fn hits(root: &Path, globs: &[&str], no_symlink: bool) -> Vec<String> {
    let scope = scope();
    let files = accessor(&scope, "file").unwrap();
    let start = files.parse_path(root.as_os_str().as_encoded_bytes()).unwrap();
    let globs: Vec<Vec<u8>> = globs.iter().map(|glob| glob.as_bytes().to_vec()).collect();
    let options = GlobOptions {
        no_symlink,
        one_filesystem: false,
        descend: None,
    };
    let mut found = Vec::new();
    glob(
        &scope,
        files.as_ref(),
        &start,
        &globs,
        &options,
        &mut |info, _| {
            let below = info.path.components().len() - start.components().len();
            let tail: Vec<_> = info
                .path
                .components()
                .iter()
                .rev()
                .take(below)
                .rev()
                .cloned()
                .collect();
            found.push(OsPath::new(info.path.dialect(), tail).to_text());
            Ok(())
        },
    )
    .unwrap();
    found
}

fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for path in ["a/b/c/deep.txt", "a/top.txt", "a/Upper.TXT", "z/other.log"] {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    dir
}

#[test]
fn names_match_without_case_and_recursion_finds_every_depth() {
    let dir = tree();
    assert_eq!(
        hits(dir.path(), &["*/*.txt"], false),
        ["/a/Upper.TXT", "/a/top.txt"]
    );
    assert_eq!(
        hits(dir.path(), &["**/*.txt"], false),
        ["/a/Upper.TXT", "/a/top.txt", "/a/b/c/deep.txt"]
    );
    assert_eq!(
        hits(dir.path(), &["a/**2"], false),
        ["/a/Upper.TXT", "/a/b", "/a/top.txt", "/a/b/c"]
    );
    assert_eq!(
        hits(dir.path(), &["/{a,z}/{top,other}*"], false),
        ["/a/top.txt", "/z/other.log"]
    );
    assert!(hits(dir.path(), &["missing/*"], false).is_empty());
}

#[test]
fn a_file_matched_twice_is_one_hit_and_a_cycle_of_links_ends() {
    let dir = tree();
    symlink(dir.path(), dir.path().join("a/loop")).unwrap();
    let found = hits(dir.path(), &["**/deep.txt", "a/b/c/*"], false);
    assert_eq!(found.iter().filter(|path| *path == "/a/b/c/deep.txt").count(), 1);
    assert!(found.len() <= 2, "{found:?}");
    assert_eq!(hits(dir.path(), &["**/deep.txt"], true), ["/a/b/c/deep.txt"]);
}

#[test]
fn devices_and_pipes_are_not_opened() {
    let scope = scope();
    let files = accessor(&scope, "auto").unwrap();
    let path = files.parse_path(b"/dev/null").unwrap();
    let message = files
        .open(&scope, &path)
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(message.starts_with("Only regular files supported"), "{message}");
    assert!(accessor(&scope, "nonsense").is_err());
}

fn value_of(vql: &str) -> String {
    let scope = scope();
    let files = accessor(&scope, "file").unwrap();
    let path = files.parse_path(b"/usr/share/doc").unwrap();
    let scope = scope.child_with(Dict::from_pairs([("P", peregrine_engine::Value::from(path))]));
    let program = peregrine_engine::Program::compile(&format!("SELECT {vql} AS V FROM scope()")).unwrap();
    let mut rows: Vec<peregrine_engine::Row> = Vec::new();
    program.run(&scope, &mut rows).unwrap();
    let mut text = Vec::new();
    peregrine_engine::json::write_row(&scope, &rows[0], &mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn paths_are_indexed_cut_and_joined_in_the_language() {
    assert_eq!(value_of("P[0]"), r#"{"V":"usr"}"#);
    assert_eq!(value_of("P[-1]"), r#"{"V":"doc"}"#);
    assert_eq!(value_of("P[1:]"), r#"{"V":"/share/doc"}"#);
    assert_eq!(value_of("P + 'a/b'"), r#"{"V":"/usr/share/doc/a/b"}"#);
    assert_eq!(value_of("P.Dirname + P.Basename"), r#"{"V":"/usr/share/doc"}"#);
    assert_eq!(value_of("P =~ '^/USR'"), r#"{"V":true}"#);
    assert_eq!(value_of("P AND TRUE"), r#"{"V":true}"#);
}

/// The names that a pattern finds in a folder.
fn names(root: &Path, pattern: &[u8]) -> BTreeSet<Vec<u8>> {
    let scope = scope();
    let files = accessor(&scope, "file").unwrap();
    let start = files.parse_path(root.as_os_str().as_bytes()).unwrap();
    let options = GlobOptions {
        no_symlink: false,
        one_filesystem: false,
        descend: None,
    };
    let mut found = BTreeSet::new();
    let globs = [pattern.to_vec()];
    glob(
        &scope,
        files.as_ref(),
        &start,
        &globs,
        &options,
        &mut |info, _| {
            found.insert(info.name().to_vec());
            Ok(())
        },
    )
    .unwrap();
    found
}

/// File names of all allowed bytes; mostly short, so that valid characters are next to invalid bytes.
fn any_name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![1..=255u8, 0x80..=0xffu8, Just(b'a'), Just(b'{'), Just(b'}')];
    proptest::collection::vec(byte, 1..12)
        .prop_map(|name| {
            name.into_iter()
                .map(|byte| if byte == b'/' { b'_' } else { byte })
                .collect::<Vec<u8>>()
        })
        .prop_filter("names of folders", |name| name != b"." && name != b"..")
}

fn characters(name: &[u8]) -> usize {
    let chunks = name.utf8_chunks();
    chunks
        .map(|chunk| chunk.valid().chars().count() + chunk.invalid().len())
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_star_finds_exactly_what_the_folder_lists(wanted in proptest::collection::btree_set(any_name(), 0..8)) {
        let folder = tempfile::tempdir().unwrap();
        for name in &wanted {
            fs::write(folder.path().join(OsStr::from_bytes(name)), "x").unwrap();
        }
        let listed: BTreeSet<Vec<u8>> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_vec())
            .collect();
        prop_assert_eq!(&names(folder.path(), b"*"), &listed);
        prop_assert_eq!(&names(folder.path(), b"**"), &listed);
        for name in &listed {
            // As many characters as the name has, and a part of it known.
            let marks = vec![b'?'; characters(name)];
            let same_length: BTreeSet<Vec<u8>> =
                listed.iter().filter(|other| characters(other) == marks.len()).cloned().collect();
            prop_assert_eq!(names(folder.path(), &marks), same_length);
            if !name.iter().any(|byte| b"*?[{}".contains(byte)) {
                prop_assert!(names(folder.path(), name).contains(name));
                prop_assert!(names(folder.path(), &[&name[..], b"*"].concat()).contains(name));
            }
        }
    }
}

#[test]
fn names_with_quotes_are_found_by_paths_that_are_written_with_quotes() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a\"b"), "quoted").unwrap();
    let scope = scope();
    let files = accessor(&scope, "file").unwrap();
    let root = OsPath::parse(
        peregrine_accessors::Dialect::Generic,
        folder.path().as_os_str().as_bytes(),
    )
    .unwrap();
    let path = root.child("a\"b".into());
    assert!(path.to_text().ends_with("/\"a\"\"b\""), "{}", path.to_text());
    assert_eq!(files.lstat(&scope, &path).unwrap().size, 6);
}
