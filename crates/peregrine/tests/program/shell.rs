//! `peregrine shell` without a terminal: statements from standard input, one after the other, in one session.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

#[test]
fn statements_share_a_session() {
    let output =
        shell("LET x = 20\nSELECT x + 1 AS Sum\nFROM scope()\nWHERE Sum = 21\n\nSELECT x FROM scope()");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "{\"Sum\":21}\n{\"x\":20}\n");
}

#[test]
fn a_query_over_several_lines_is_one() {
    let query = "SELECT * FROM foreach(row={\n\nSELECT * FROM range(end=2)\n}, query={ SELECT _value AS V FROM scope() })\n";
    assert_eq!(text(&shell(query).stdout), "{\"V\":0}\n{\"V\":1}\n");
}

#[test]
fn a_wrong_statement_does_not_end_the_session() {
    let output = shell("SELECT ) FROM scope()\nSELECT 1 AS One FROM scope()\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("error[V010]"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(text(&output.stdout), "{\"One\":1}\n");
}

#[test]
fn commands_begin_with_a_backslash() {
    let output =
        shell("\\?\n\\d substr\n\\f csv\nSELECT 1 AS One FROM scope()\n\\q\nSELECT 2 AS Two FROM scope()\n");
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        shown.contains("\\d NAME") && shown.contains("substr() — function"),
        "{shown}"
    );
    assert!(shown.ends_with("One\n1\n"), "{shown}");
    assert_eq!(shell("\\nonsense\n").status.code(), Some(1));
}

fn shell(input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_peregrine"))
        .arg("shell")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
