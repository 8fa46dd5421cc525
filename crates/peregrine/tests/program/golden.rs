//! `peregrine golden`: the committed snapshots, and the output when something differs.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;
use std::process::{Command, Output};

#[test]
fn the_committed_snapshots_hold() {
    let output = golden(&[concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program/golden")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn a_difference_is_shown_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("a.in.yaml");
    let expectation = folder.path().join("a.out.yaml");
    std::fs::write(&input, "Queries:\n- SELECT * FROM range(end=2)\n").unwrap();

    let output = golden(&[path(&input)]);
    assert_eq!(output.status.code(), Some(1), "a test without expectation fails");
    assert!(text(&output.stdout).contains("--update"));

    assert_eq!(golden(&["--update", path(folder.path())]).status.code(), Some(0));
    assert_eq!(golden(&[path(&input)]).status.code(), Some(0));

    let expected = std::fs::read_to_string(&expectation).unwrap();
    std::fs::write(
        &expectation,
        expected.replace(r#"{"_value":1}"#, r#"{"_value":7}"#),
    )
    .unwrap();
    let output = golden(&[path(&input)]);
    assert_eq!(output.status.code(), Some(1));
    let shown = text(&output.stdout);
    assert!(
        shown.contains("\n-  - {\"_value\":7}\n+  - {\"_value\":1}\n"),
        "{shown}"
    );
}

#[test]
fn results_are_an_array_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("a.in.yaml"), folder.path().join("out.json"));
    let queries =
        "Queries:\n- SELECT Given FROM scope()\n- SELEC\n- LET _ <= log(message='m', level='WARN')\n";
    std::fs::write(&input, queries).unwrap();
    let output = golden(&["--env", "Given=1", "--results", path(&out), path(&input)]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let results: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&out).unwrap()).unwrap();
    assert_eq!(results[0]["query"], "SELECT Given FROM scope()");
    assert_eq!(results[0]["output"], serde_json::json!([{"Given": "1"}]));
    assert!(results[0]["error"].is_null());
    assert!(
        results[1]["error"].as_str().unwrap().contains("V010"),
        "{results}"
    );
    assert_eq!(results[2]["logs"], serde_json::json!(["WARN:m"]));
}

#[test]
fn what_is_no_test_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(golden(&[path(folder.path())]).status.code(), Some(1), "no files");
    let input = folder.path().join("a.in.yaml");
    for wrong in [
        "Querys: []",
        "Queries: [SELECT 1]\nTransforms: [{Replace: x}]",
        "Queries: {",
    ] {
        std::fs::write(&input, wrong).unwrap();
        let output = golden(&[path(&input)]);
        assert_eq!(output.status.code(), Some(1), "{wrong}");
        assert!(
            text(&output.stderr).contains("a.in.yaml"),
            "{}",
            text(&output.stderr)
        );
    }
}

fn golden(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_peregrine"))
        .arg("golden")
        .args(args)
        .output()
        .unwrap()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
