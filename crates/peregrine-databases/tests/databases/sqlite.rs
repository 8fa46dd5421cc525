//! Databases of other programs: read as they are, and left as they are.

use std::path::Path;
use std::time::Duration;

use peregrine_engine::prelude::*;
use rusqlite::Connection;

fn run_until(vql: &str, file: &Path, cancellation: Cancellation) -> (String, Vec<String>) {
    let env = Dict::from_pairs([("File", file.to_str().unwrap())]);
    super::run_until(vql, env, cancellation)
}

fn run(vql: &str, file: &Path) -> (String, Vec<String>) {
    run_until(vql, file, Cancellation::new())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_database_in_use_is_read_with_its_log_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("History");
    let owner = Connection::open(&file).unwrap();
    owner.pragma_update(None, "journal_mode", "wal").unwrap();
    owner
        .execute_batch("CREATE TABLE t(a INTEGER, b TEXT, c BLOB, d REAL); INSERT INTO t VALUES (1, 'x', x'00ff', 1.5), (2, NULL, x'', 2)")
        .unwrap();
    // The committed data is only in the log, and the owner holds a lock.
    owner
        .execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (3, 'unseen', NULL, NULL)")
        .unwrap();
    let before = (names(folder.path()), std::fs::read(&file).unwrap());
    let (rows, log) = run(
        "SELECT a, b, len(list=c) AS C, d FROM sqlite(file=File, query='SELECT * FROM t WHERE a >= ? AND d < ?', args=[1, 2.5])",
        &file,
    );
    assert_eq!(
        rows, r#"{"a":1,"b":"x","C":2,"d":1.5}{"a":2,"b":null,"C":0,"d":2}"#,
        "{log:?}"
    );
    let (rows, _) = run(
        "SELECT * FROM sql(driver='sqlite', connstring=File, query='SELECT count(*) AS N FROM t')",
        &file,
    );
    assert_eq!(rows, r#"{"N":2}"#);
    // Parameters are bytes, too.
    let (rows, log) = run(
        "SELECT * FROM sqlite(file=File, query='SELECT hex(?) AS H', args=unhex(string='e9'))",
        &file,
    );
    assert_eq!(rows, r#"{"H":"E9"}"#, "{log:?}");
    assert_eq!(before, (names(folder.path()), std::fs::read(&file).unwrap()));
}

#[test]
fn calls_of_a_query_share_the_copy_until_the_file_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("db");
    let owner = Connection::open(&file).unwrap();
    owner
        .execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES (7)")
        .unwrap();
    let query = "SELECT * FROM foreach(row={SELECT * FROM range(end=3)}, query={SELECT a + _value AS V FROM sqlite(file=File, query='SELECT a FROM t')})";
    assert_eq!(run(query, &file).0, r#"{"V":7}{"V":8}{"V":9}"#);
}

#[test]
fn nothing_is_written_and_nothing_else_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("db");
    Connection::open(&file)
        .unwrap()
        .execute_batch("CREATE TABLE t(a)")
        .unwrap();
    let other = folder.path().join("other");
    for sql in [
        "INSERT INTO t VALUES (1)",
        "DROP TABLE t",
        "CREATE TABLE u(a)",
        &format!("ATTACH '{}' AS o", other.display()),
        &format!("VACUUM INTO '{}'", other.display()),
        "SELECT load_extension('/tmp/x')",
        "SELECT nonsense FROM t",
    ] {
        let (rows, log) = run(
            &format!("SELECT * FROM sqlite(file=File, query=\"{sql}\")"),
            &file,
        );
        assert_eq!(rows, "", "{sql}");
        assert!(log.iter().any(|line| line.contains("sqlite: ")), "{sql}: {log:?}");
    }
    assert_eq!(names(folder.path()), ["db"]);
}

#[test]
fn an_endless_query_ends_with_the_query() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("db");
    Connection::open(&file)
        .unwrap()
        .execute_batch("CREATE TABLE t(a)")
        .unwrap();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let cancellation = Cancellation::with_deadline(Duration::from_millis(300));
    run_until(
        &format!("SELECT * FROM sqlite(file=File, query='{endless}')"),
        &file,
        cancellation,
    );
}

#[test]
fn a_damaged_database_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("db");
    Connection::open(&file)
        .unwrap()
        .execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES (1)")
        .unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[20..].fill(0xff);
    std::fs::write(&file, bytes).unwrap();
    let (rows, log) = run("SELECT * FROM sqlite(file=File, query='SELECT * FROM t')", &file);
    assert!(rows.is_empty() && !log.is_empty(), "{rows} {log:?}");
}
