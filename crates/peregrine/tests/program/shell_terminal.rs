//! `peregrine shell` on a pseudo-terminal: several lines, LETs, completion, the history file, and stopping a query.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use crate::terminal::Terminal;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

#[test]
fn a_session_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_peregrine"));
    command
        .args(["shell", "--format", "jsonl"])
        .env("XDG_DATA_HOME", folder.path())
        .env("TERM", "xterm")
        .env_remove("NO_COLOR");
    let mut terminal = Terminal::start(command);
    terminal.wait_for("vql> ");
    terminal.enter("LET answer = 41");
    terminal.enter("SELECT answer + 1 AS Sum FROM");
    terminal.wait_for("   > ");
    terminal.enter("scope()");
    terminal.wait_for(r#"{"Sum":42}"#);

    // At the prompt: text typed before is kept for later, and the interrupt would stop the query before it.
    terminal.wait_for("vql> ");
    terminal.enter("SELECT sleep(time=1000), 'slept' FROM scope()");
    // The interrupt may come before the query runs; the prompt then shows no `stopped`, so it is repeated.
    terminal.interrupt_until("stopped");
    terminal.wait_for("vql> ");
    terminal.enter("SELECT answer + 2 AS Sum FROM scope()");
    terminal.wait_for(r#"{"Sum":43}"#);

    terminal.write("SELECT * FROM psl\t");
    terminal.wait_for("pslist(");
    terminal.write("\x03");
    terminal.wait_for("vql> ");
    terminal.write("\x04");
    assert!(terminal.child.wait().unwrap().success());

    let history = folder.path().join("peregrine-shell/history");
    assert!(
        std::fs::read_to_string(&history)
            .unwrap()
            .contains("LET answer = 41")
    );
    let mode = std::fs::metadata(&history).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
