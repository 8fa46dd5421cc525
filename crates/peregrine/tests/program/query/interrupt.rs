//! Ctrl-C, `kill` and a closed terminal: rows so far are complete, and nothing is left behind.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

/// Begins, and waits until the query says `here` or something like it.
fn started(program: &mut Command, word: &str) -> (Child, BufReader<ChildStderr>) {
    let mut child = program
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(word) {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended");
    }
    (child, said)
}

fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// What `nohup` or a shell without job control has the tests ignore, the program would go on ignoring.
fn peregrine(temporary: &Path) -> Command {
    let mut program = Command::new("env");
    program
        .args([
            "--default-signal=INT,HUP,QUIT",
            env!("CARGO_BIN_EXE_peregrine"),
            "query",
        ])
        .env("TMPDIR", temporary);
    program
}

#[test]
fn a_query_that_is_interrupted_leaves_no_temporary_files() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let folder = tempfile::tempdir().unwrap();
        let text = "LET T <= tempfile(data='evidence') LET D <= tempdir()
            LET X <= SELECT * FROM range(end=100000000000) SELECT * FROM X";
        let (mut child, mut said) =
            started(peregrine(folder.path()).arg(text), "VQL will switch to tempfile");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
        send(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(code));
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("the query was stopped by signal"), "{rest}");
    }
}

#[test]
fn rows_of_an_interrupted_query_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        "SELECT _value AS N FROM range(end=1000000) WHERE log(message='here', dedup=-1) AND sleep(ms=5)";
    let mut program = peregrine(folder.path());
    let (mut child, said) = started(program.args(["--format", "json", text]), "here");
    // It must not wait for us to read this.
    let reader = std::thread::spawn(move || said.lines().map_while(Result::ok).count());
    send(&child, Signal::TERM);
    let mut printed = String::new();
    child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let rows: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert!(rows.is_array(), "{printed}");
    reader.join().unwrap();
}

#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Command::new("sh");
    program
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_peregrine"))
        .args([
            "query",
            "SELECT _value AS N FROM range(end=3) WHERE log(message='here', dedup=-1) AND sleep(ms=100)",
        ])
        .env("TMPDIR", folder.path());
    let (mut child, _said) = started(&mut program, "here");
    send(&child, Signal::HUP);
    let mut printed = String::new();
    child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "as under nohup");
    assert_eq!(printed, "{\"N\":0}\n{\"N\":1}\n{\"N\":2}\n");
}
