//! `peregrine query` on a pseudo-terminal: the table, and the progress line of a long query.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use crate::terminal::Terminal;
use std::process::{Command, Stdio};

/// Two rows, 1.8 seconds apart.
const SLOW: &str = "SELECT _value, sleep(ms=1800) AS Slept FROM range(end=2)";
const ERASE: &str = "\r\x1b[2K";

fn query(args: &[&str], environment: &[(&str, &str)]) -> Terminal {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peregrine"));
    command
        .arg("query")
        .args(args)
        .env("TERM", "xterm")
        .env_remove("NO_COLOR");
    command.envs(environment.iter().copied());
    Terminal::start(command)
}

#[test]
fn people_get_a_table() {
    let mut terminal = query(&["SELECT 1 AS Number, 'ü' AS Text FROM scope()"], &[]);
    let shown = terminal.until_end();
    assert!(
        shown.contains("Number") && shown.contains("ü") && !shown.contains('{'),
        "{shown}"
    );
    assert!(!shown.contains("rows/s"), "{shown}");
}

#[test]
fn a_long_query_tells_how_far_it_is() {
    let mut terminal = query(&["--format", "jsonl", SLOW], &[]);
    terminal.wait_for("0 rows · 0 rows/s · 0:01");
    let shown = terminal.until_end();
    assert!(shown.contains("1 row · "), "{shown}");
    for row in ["{\"_value\":0,", "{\"_value\":1,"] {
        let before = &shown[..shown.find(row).unwrap()];
        assert!(before.ends_with(ERASE), "the line is gone before a row: {shown}");
    }
    let after = shown.rsplit_once("rows/s").unwrap().1;
    assert!(after.contains(ERASE), "nothing is left of it: {shown}");
    assert!(shown.contains("\x1b[2m"), "{shown}");
    assert!(terminal.child.wait().unwrap().success());
}

#[test]
fn messages_have_a_line_of_their_own() {
    let mut terminal = query(
        &["SELECT sleep(ms=1500), log(message='hello') FROM range(end=1)"],
        &[("NO_COLOR", "1")],
    );
    let shown = terminal.until_end();
    assert!(shown.contains("0 rows · "), "{shown}");
    assert!(shown.contains(&format!("{ERASE}[DEFAULT] hello")), "{shown}");
    assert!(!shown.contains("\x1b[2m"), "no colour: {shown}");
}

#[test]
fn who_cannot_erase_gets_no_line() {
    for environment in [("TERM", "dumb"), ("TERM", "")] {
        let mut terminal = query(&["--format", "jsonl", SLOW], &[environment]);
        let shown = terminal.until_end();
        assert!(
            shown.contains("{\"_value\":1,") && !shown.contains("rows/s"),
            "{shown}"
        );
    }
}

#[test]
fn pipes_get_no_line() {
    let output = Command::new(env!("CARGO_BIN_EXE_peregrine"))
        .args(["query", SLOW])
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 2);
}
