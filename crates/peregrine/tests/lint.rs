//! `peregrine vql lint`, over files and standard input.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

#[test]
fn errors_are_shown_in_their_place() {
    let output = lint(&["-"], "SELECT Name\nFROM pslst()\n");
    assert_eq!(output.status.code(), Some(1));
    let shown = text(&output.stdout);
    assert!(shown.contains("error[V102]: unknown plugin `pslst`"), "{shown}");
    assert!(
        shown.contains("2 | FROM pslst()\n  |      ^^^^^\n  = help: did you mean `pslist`?"),
        "{shown}"
    );
}

#[test]
fn warnings_are_no_failure() {
    let output = lint(&["-"], "LET idle = 1\nSELECT parse_pe(file='x') FROM scope()\n");
    assert_eq!(output.status.code(), Some(0));
    let shown = text(&output.stdout);
    assert!(
        shown.contains("warning[V110]") && shown.ends_with("0 errors, 2 warnings\n"),
        "{shown}"
    );
}

#[test]
fn programs_get_json() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.vql");
    std::fs::write(&file, "SELECT substr(str='ä', begin=1) FROM scope()").unwrap();
    let output = lint(&["--format", "json", file.to_str().unwrap()], "");
    assert_eq!(output.status.code(), Some(1));
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = &findings[0];
    assert_eq!(
        (&finding["code"], &finding["severity"]),
        (&"V103".into(), &"error".into())
    );
    assert_eq!((&finding["line"], &finding["column"]), (&1.into(), &24.into()));
    assert_eq!((&finding["start"], &finding["end"]), (&24.into(), &29.into()));
    assert_eq!(finding["file"], file.to_str().unwrap());
    assert_eq!(findings.as_array().unwrap().len(), 1);
}

fn lint(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_peregrine"))
        .args(["vql", "lint"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that reads only files may end before it reads this.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
