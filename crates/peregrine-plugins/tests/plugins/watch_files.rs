//! Files that are watched: appended to, rotated, truncated, and found by a query.
#![allow(clippy::unwrap_used)]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use peregrine_engine::context::Context;
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin, json};

/// A query that runs until this is dropped; its rows as JSON.
struct Watch {
    rows: mpsc::Receiver<String>,
    cancellation: Cancellation,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Watch {
    fn start(query: &str, folder: &Path) -> Watch {
        let registry = Arc::new(peregrine_plugins::register(peregrine_functions::register(
            builtin::registry(),
        )));
        let cancellation = Cancellation::new();
        let context = Context::builder()
            .registry(registry)
            .cancellation(cancellation.clone())
            .build();
        let env = Dict::from_pairs([
            ("Folder", Value::from(folder.to_str().unwrap())),
            ("WATCH_FREQUENCY", Value::from(0.02)),
        ]);
        let program = Program::compile(query).unwrap();
        let (sender, rows) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let scope = Scope::root(&context, env);
            let _ = program.run(
                &scope,
                &mut FnSink(|row: Row| {
                    let mut out = Vec::new();
                    json::write_row(&scope, &row, &mut out);
                    sender.send(String::from_utf8(out).unwrap()).map_err(|_| Stop)
                }),
            );
            scope.close();
        });
        Watch {
            rows,
            cancellation,
            thread: Some(thread),
        }
    }

    /// The next row, but for those that say `tick`.
    fn next(&self) -> String {
        loop {
            let row = self.rows.recv_timeout(Duration::from_secs(120)).unwrap();
            if !row.contains("tick") {
                return row;
            }
        }
    }

    /// The next row after `attempt` was tried, again and again until it has an effect.
    fn next_after(&self, mut attempt: impl FnMut()) -> String {
        for _ in 0..200 {
            attempt();
            if let Ok(row) = self.rows.recv_timeout(Duration::from_millis(100)) {
                return row;
            }
        }
        panic!("no row came");
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.cancellation.cancel();
        self.thread.take().unwrap().join().unwrap();
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

#[test]
fn lines_are_followed_over_rotation_and_truncation() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    append(&file, "old\n");
    let watch = Watch::start(
        "SELECT Line FROM watch_syslog(filename=Folder + '/log')",
        folder.path(),
    );
    watch.next_after(|| append(&file, "tick\n"));
    append(&file, "ha");
    std::thread::sleep(Duration::from_millis(60));
    append(&file, "lf\n");
    assert_eq!(watch.next(), r#"{"Line":"half"}"#);
    append(&file, "one\r\ntwo\npart");
    assert_eq!(watch.next(), r#"{"Line":"one"}"#);
    assert_eq!(watch.next(), r#"{"Line":"two"}"#);
    // Written into the old file just before it is moved away.
    append(&file, "ial\nlast");
    fs::rename(&file, folder.path().join("log.1")).unwrap();
    append(&file, "new file, longer than the old one was\n");
    assert_eq!(watch.next(), r#"{"Line":"partial"}"#);
    assert_eq!(watch.next(), r#"{"Line":"last"}"#);
    assert_eq!(
        watch.next(),
        r#"{"Line":"new file, longer than the old one was"}"#
    );
    fs::write(&file, "").unwrap();
    append(&file, "short\n");
    assert_eq!(watch.next(), r#"{"Line":"short"}"#);
}

#[test]
fn long_lines_come_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let watch = Watch::start(
        "SELECT Line FROM watch_syslog(filename=Folder + '/log', buffer_size=64)",
        folder.path(),
    );
    watch.next_after(|| append(&file, "tick\n"));
    append(&file, &format!("{}\n", "x".repeat(100)));
    let (first, second) = (watch.next(), watch.next());
    let length = |row: &str| row.bytes().filter(|byte| *byte == b'x').count();
    assert_eq!(length(&first) + length(&second), 100, "{first} {second}");
}

#[test]
fn files_are_found_by_a_query() {
    let folder = tempfile::tempdir().unwrap();
    append(&folder.path().join("a.log"), "old\n");
    let query = "SELECT OSPath.Basename AS Name, Line FROM watch_syslog(query={SELECT OSPath FROM glob(globs='*.log', root=Folder)})";
    let watch = Watch::start(query, folder.path());
    let row = watch.next_after(|| append(&folder.path().join("a.log"), "more\n"));
    assert_eq!(row, r#"{"Name":"a.log","Line":"more"}"#);
    append(&folder.path().join("b.log"), "from the start\n");
    let mut row = watch.next();
    while row.contains("a.log") {
        row = watch.next();
    }
    assert_eq!(row, r#"{"Name":"b.log","Line":"from the start"}"#);
}

#[test]
fn json_and_csv_are_parsed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows");
    fs::write(&file, "{\"A\":0}\n").unwrap();
    let watch = Watch::start(
        "SELECT * FROM watch_jsonl(filename=Folder + '/rows')",
        folder.path(),
    );
    let row = watch.next_after(|| append(&file, "nonsense\n{\"A\":1,\"B\":[2]}\n"));
    assert_eq!(row, r#"{"A":1,"B":[2]}"#);
    drop(watch);

    fs::write(&file, "A,B\n0,old\n").unwrap();
    let watch = Watch::start(
        "SELECT * FROM watch_csv(filename=Folder + '/rows')",
        folder.path(),
    );
    let row = watch.next_after(|| append(&file, "1,\"x\ny\"\n"));
    assert_eq!(row, r#"{"A":1,"B":"x\ny"}"#);
    // A new file may have other columns.
    fs::rename(&file, folder.path().join("rows.1")).unwrap();
    append(&file, "C\n7\n");
    let mut row = watch.next();
    while row.contains('A') {
        row = watch.next();
    }
    assert_eq!(row, r#"{"C":7}"#);
}
