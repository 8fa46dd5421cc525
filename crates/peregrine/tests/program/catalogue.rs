//! `peregrine vql list --format json` against the catalogue of the language: what is absent is printed, what exists must
//! take the arguments the language names.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

/// Arguments we add to the language, with the reason.
const ADDED: &[(&str, &str, &str)] = &[
    (
        "process_tracker",
        "source",
        "chooses where process events come from",
    ),
    (
        "process_tracker_all",
        "as_of",
        "the tracker answers for any time it remembers",
    ),
    ("process_tracker_callchain", "as_of", "as above"),
    ("process_tracker_children", "as_of", "as above"),
    ("process_tracker_get", "as_of", "as above"),
    (
        "process_tracker_callchain",
        "start_time",
        "an event tells a process from others that had its pid",
    ),
    ("process_tracker_children", "start_time", "as above"),
    ("process_tracker_get", "start_time", "as above"),
    ("process_tracker_pslist", "as_of", "as above"),
    ("process_tracker_tree", "as_of", "as above"),
];

/// Arguments of the language we do not take yet. A call with one says so.
const NOT_YET: &[(&str, &str)] = &[];

/// What `vql doc` says of a name.
fn page(name: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_peregrine"))
        .args(["vql", "doc", name])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The names below `Columns:`.
fn columns(page: &str) -> Vec<String> {
    let lines = page.lines().skip_while(|line| *line != "Columns:").skip(1);
    let lines = lines.take_while(|line| line.starts_with("  ") && !line.starts_with("  Rows also"));
    lines
        .map(|line| line.split_whitespace().next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn the_page_of_a_plugin_lists_the_columns_that_it_shows() {
    for (name, call) in [
        ("pslist", "pslist(pid=1)"),
        ("stat", "stat(filename='/etc')"),
        ("clock", "clock(ms=1)"),
        ("glob", "glob(globs='/etc')"),
        ("users", "users()"),
    ] {
        let query = format!("SELECT * FROM {call} LIMIT 1");
        let output = Command::new(env!("CARGO_BIN_EXE_peregrine"))
            .args(["query", "--format", "csv", &query])
            .output()
            .unwrap();
        let rows = String::from_utf8(output.stdout).unwrap();
        let shown: Vec<&str> = rows.lines().next().unwrap_or_default().split(',').collect();
        assert_eq!(columns(&page(name)), shown, "{name}");
    }
}

#[test]
fn every_page_of_a_plugin_tells_of_its_columns() {
    for entry in listed().iter().filter(|entry| entry["kind"] == "plugin") {
        let name = entry["name"].as_str().unwrap();
        let listed: Vec<&str> = entry["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| column["name"].as_str().unwrap())
            .collect();
        let columns = columns(&page(name));
        if listed.is_empty() {
            assert_eq!(
                columns.first().map(String::as_str),
                Some("They"),
                "{name}: {columns:?}"
            );
        } else {
            assert_eq!(columns[..listed.len()], listed, "{name}");
        }
    }
    let varying = page("parse_csv");
    assert!(
        varying.contains("They vary with what it is given; in the examples: A, B, C, D"),
        "{varying}"
    );
    let members = page("glob");
    assert!(members.contains("Rows also answer to ModTime"), "{members}");
}

#[test]
fn the_list_describes_everything_it_names() {
    let entries = listed();
    assert!(entries.len() > 100, "{} entries", entries.len());
    for entry in &entries {
        for key in ["name", "kind", "category", "doc"] {
            assert!(
                entry[key].as_str().is_some_and(|text| !text.is_empty()),
                "`{key}` of {entry}"
            );
        }
        assert!(
            entry["platforms"]
                .as_array()
                .is_some_and(|names| !names.is_empty()),
            "platforms of {entry}"
        );
        for arg in entry["args"]
            .as_array()
            .unwrap_or_else(|| panic!("args of {entry}"))
        {
            assert!(
                arg["name"].is_string() && arg["type"].is_string(),
                "{arg} of {entry}"
            );
            assert!(
                arg["required"].is_boolean() && arg["repeated"].is_boolean(),
                "{arg} of {entry}"
            );
        }
    }
}

#[test]
#[ignore = "compares with $PEREGRINE_SHARED/reference/vql-catalog.json; make test runs it where that is"]
fn what_exists_takes_the_arguments_of_the_language() {
    let folder = std::env::var_os("PEREGRINE_SHARED").expect("PEREGRINE_SHARED names the folder");
    let path = PathBuf::from(folder).join("reference/vql-catalog.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let catalogue: Value = serde_json::from_str(&text).unwrap();
    let language = by_name(catalogue["entries"].as_array().unwrap());
    let ours = listed();
    let ours = by_name(&ours);

    for kind in ["function", "plugin", "accessor"] {
        let of_kind = || language.keys().filter(|(known, _)| known == kind);
        let absent: Vec<&str> = of_kind()
            .filter(|key| !ours.contains_key(*key))
            .map(|(_, name)| name.as_str())
            .collect();
        let total = of_kind().count();
        println!(
            "{kind}s: {} of {total}; absent: {}",
            total - absent.len(),
            absent.join(" ")
        );
    }

    let mut faults = Vec::new();
    for (key, entry) in &ours {
        let Some(wanted) = language.get(key).filter(|_| key.0 != "accessor") else {
            continue;
        };
        let name = key.1.as_str();
        let (has, should) = (arguments(entry), arguments(wanted));
        for (arg, is_repeated) in &has {
            match should.get(arg) {
                None if wanted["free_form"] == true
                    || ADDED.iter().any(|(n, a, _)| (*n, *a) == (name, arg)) => {}
                None => faults.push(format!("{name}: `{arg}` is not an argument of the language")),
                Some(wanted) if wanted != is_repeated => {
                    faults.push(format!(
                        "{name}: `{arg}` repeated: {is_repeated}, should be {wanted}"
                    ));
                }
                Some(_) => {}
            }
        }
        for arg in should.keys().filter(|arg| !has.contains_key(*arg)) {
            if NOT_YET.contains(&(name, arg)) {
                println!("{name}: argument `{arg}` is absent");
            } else {
                faults.push(format!("{name}: argument `{arg}` is missing"));
            }
        }
    }
    let known: BTreeSet<&str> = ours.keys().map(|(_, name)| name.as_str()).collect();
    for (name, arg) in ADDED
        .iter()
        .map(|(name, arg, _)| (name, arg))
        .chain(NOT_YET.iter().map(|(n, a)| (n, a)))
    {
        assert!(
            known.contains(name),
            "the exception for `{arg}` of `{name}` is about nothing"
        );
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn listed() -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_peregrine"))
        .args(["vql", "list", "--format", "json"])
        .output()
        .unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn by_name(entries: &[Value]) -> BTreeMap<(String, String), &Value> {
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    entries
        .iter()
        .map(|entry| ((text(entry, "kind"), text(entry, "name")), entry))
        .collect()
}

/// Names, and whether each takes a list.
fn arguments(entry: &Value) -> BTreeMap<&str, bool> {
    entry["args"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|arg| Some((arg["name"].as_str()?, arg["repeated"] == true)))
        .collect()
}
