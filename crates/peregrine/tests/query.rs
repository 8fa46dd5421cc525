//! `peregrine query` as a user runs it: options, output, exit codes.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const THREE: &str = "SELECT _value AS N FROM range(end=3)";

fn run(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_peregrine"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that reads nothing may end before it reads this.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn query(args: &[&str]) -> Output {
    run(&[&["query"], args].concat(), "")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What comes out when all goes well.
#[track_caller]
fn check(args: &[&str], expected: &str) {
    let output = query(args);
    assert_eq!(text(&output.stdout), expected, "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

/// Exit code and words of the message when it does not.
#[track_caller]
fn check_fails(args: &[&str], code: i32, words: &str) -> String {
    let output = query(args);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert!(message.contains(words), "{message}");
    text(&output.stdout)
}

#[test]
fn formats() {
    check(&[THREE], "{\"N\":0}\n{\"N\":1}\n{\"N\":2}\n");
    check(
        &["--format", "jsonl", "SELECT 'a' AS a FROM scope()"],
        "{\"a\":\"a\"}\n",
    );
    check(
        &["--format", "csv", "SELECT 1 AS a, 'x,y' AS b FROM scope()"],
        "a,b\n1,\"x,y\"\n",
    );
    check(
        &["--format", "json", "SELECT 1 AS a FROM scope() WHERE FALSE"],
        "[]\n",
    );
    let table = query(&["--format", "table", THREE]);
    assert!(text(&table.stdout).starts_with(" N"), "{}", text(&table.stdout));
    let json: serde_json::Value =
        serde_json::from_slice(&query(&["--format", "json", THREE]).stdout).unwrap();
    assert_eq!(json, serde_json::json!([{"N": 0}, {"N": 1}, {"N": 2}]));
    check_fails(
        &["--format", "xml", THREE],
        2,
        "possible values: json, jsonl, csv, table",
    );
}

#[test]
fn variables() {
    check(
        &["--env", "A=b=c", "--env", "B=", "SELECT A, B FROM scope()"],
        "{\"A\":\"b=c\",\"B\":\"\"}\n",
    );
    check_fails(&["--env", "A", THREE], 2, "`A` is not of the form NAME=VALUE");
}

#[test]
fn files_run_before_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let library = file("library.vql", "LET z = 5");
    let user = file("user.vql", "SELECT z FROM scope()");
    check(&["-f", &library, &user], "{\"z\":5}\n");
    check(&["-f", &library, "-f", &user], "{\"z\":5}\n");
    check(
        &["-f", &library, "--", "SELECT z + 1 AS y FROM scope()"],
        "{\"y\":6}\n",
    );
    check(&["SELECT z + 1 AS y FROM scope()", "-f", &library], "{\"y\":6}\n");
    check_fails(&["-f", "/no/such/file"], 1, "reading `/no/such/file`");
    check_fails(
        &["-f", &library, "SELECT z FROM scope()"],
        1,
        "write `--` between files and queries",
    );
    check_fails(&[], 2, "<VQL>");
}

#[test]
fn standard_input_may_be_the_query() {
    for args in [["query", "-"].as_slice(), ["query", "-f", "-"].as_slice()] {
        let output = run(args, "SELECT 1 AS a FROM scope()");
        assert_eq!(text(&output.stdout), "{\"a\":1}\n", "{}", text(&output.stderr));
    }
    let output = run(&["query", "-"], "SELECT");
    assert!(text(&output.stderr).contains("standard input can not be parsed"));
}

#[test]
fn definitions_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let definition =
        "name: Custom.Own\nparameters:\n  - name: P\nsources:\n  - query: SELECT P FROM scope()\n";
    fs::write(folder.path().join("own.yaml"), definition).unwrap();
    let path = folder.path().to_str().unwrap();
    let call = "SELECT P FROM Artifact.Custom.Own(P='x')";
    check(&["--definitions", path, call], "{\"P\":\"x\"}\n");
    check(&["-D", path, call], "{\"P\":\"x\"}\n");
    check_fails(
        &["-D", "/no/such/folder", THREE],
        1,
        "no folder `/no/such/folder`",
    );
    check_fails(&[call], 1, "Custom.Own");
}

#[test]
fn a_time_limit_is_told() {
    let shown = check_fails(
        &["--timeout", "0.3", "SELECT * FROM range(end=100000000)"],
        1,
        "the query was stopped after 0.3 seconds (--timeout)",
    );
    assert!(shown.starts_with("{\"_value\":0}\n"), "what came before is there");
    check(&["--timeout", "60", "SELECT 1 AS a FROM scope()"], "{\"a\":1}\n");
    for wrong in ["0", "-1", "x", "nan", "1e400"] {
        check_fails(&["--timeout", wrong, THREE], 2, "--timeout");
    }
}

#[test]
fn a_limit_of_rows_is_told_when_there_were_more() {
    let shown = check_fails(
        &["--max-rows", "2", THREE, THREE],
        1,
        "stopped after 2 rows (--max-rows)",
    );
    assert_eq!(shown, "{\"N\":0}\n{\"N\":1}\n");
    check(&["--max-rows", "3", THREE], "{\"N\":0}\n{\"N\":1}\n{\"N\":2}\n");
    check_fails(&["--max_rows", "0", THREE], 2, "--max-rows");
    let shown = check_fails(&["--max-rows", "1", "--format", "json", THREE], 1, "--max-rows");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
        serde_json::json!([{"N": 0}])
    );
}

#[test]
fn rows_may_go_to_a_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.json");
    let shown = path.to_str().unwrap();
    check(&["--output", shown, THREE], "");
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "{\"N\":0}\n{\"N\":1}\n{\"N\":2}\n"
    );
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // A query that cannot be parsed leaves it alone.
    check_fails(
        &["--output", shown, THREE, "SELECT"],
        1,
        "query 2 can not be parsed",
    );
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
    check_fails(
        &["--output", "/no/such/folder/x", THREE],
        1,
        "cannot write `/no/such/folder/x`",
    );
}

#[test]
fn nothing_runs_when_a_part_cannot_be_parsed() {
    let shown = check_fails(
        &[THREE, "SELECT * FROM range(end=1) WHERE"],
        1,
        "query 2 can not be parsed",
    );
    assert_eq!(shown, "");
    let message = text(&query(&["SELECT 1 FORM scope()"]).stderr);
    assert!(
        message.starts_with("peregrine: error: the query can not be parsed\nerror[V"),
        "{message}"
    );
    assert!(message.contains("1 | SELECT 1 FORM scope()\n"), "{message}");
    check_fails(&[""], 1, "V011");
}

#[test]
fn programs_get_parse_errors_as_json() {
    let output = run(&["--log-json", "query", "SELECT ) FROM scope()"], "");
    assert_eq!(output.status.code(), Some(1));
    let finding: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(
        (&finding["file"], &finding["line"], &finding["column"]),
        (&"the query".into(), &1.into(), &8.into())
    );
    assert_eq!(finding["severity"], "error");
}

#[test]
fn a_logged_error_fails() {
    assert_eq!(
        check_fails(
            &["SELECT nosuch FROM scope()"],
            1,
            "[ERROR] Symbol nosuch not found"
        ),
        "{\"nosuch\":null}\n"
    );
    check(
        &["SELECT log(message='fine', level='WARN') AS a FROM scope()"],
        "{\"a\":true}\n",
    );
}

/// `peregrine query … | head -1`
#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    use std::io::{BufRead as _, BufReader};
    let mut child = Command::new(env!("CARGO_BIN_EXE_peregrine"))
        .args([
            "query",
            "SELECT * FROM range(end=100000000)",
            "SELECT log(message='second') FROM scope()",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut first).unwrap();
    drop(reader);
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (first.as_str(), text(&output.stderr).as_str()),
        ("{\"_value\":0}\n", "")
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn collections_take_the_same_options() {
    let folder = tempfile::tempdir().unwrap();
    let definition = "name: Custom.Own\nsources:\n  - query: SELECT _value AS N FROM range(end=3)\n";
    fs::write(Path::new(folder.path()).join("own.yaml"), definition).unwrap();
    let collect = |args: &[&str]| {
        let start = [
            "artifacts",
            "collect",
            "-D",
            folder.path().to_str().unwrap(),
            "Custom.Own",
        ];
        run(&[&start, args].concat(), "")
    };
    let whole = collect(&["--max-rows", "3", "--format", "csv"]);
    assert_eq!(whole.status.code(), Some(0), "{}", text(&whole.stderr));
    assert_eq!(text(&whole.stdout).lines().count(), 4);
    let cut = collect(&["--max-rows", "2"]);
    assert_eq!(cut.status.code(), Some(1));
    assert!(
        text(&cut.stderr).contains("the collection was stopped after 2 rows"),
        "{}",
        text(&cut.stderr)
    );
}

#[test]
fn a_script_runs_in_a_process_of_its_own() {
    let code = "def f(n): return n + 1\ndef bomb(): return sorted(range(100000000))";
    let output = query(&[
        "--env",
        &format!("C={code}"),
        "--format",
        "jsonl",
        "LET M <= starl(code=C) SELECT M.f(n=1) AS A, M.bomb() AS B, M.f(n=1) AS C FROM scope()",
    ]);
    assert_eq!(text(&output.stdout), "{\"A\":2,\"B\":null,\"C\":null}\n");
    let log = text(&output.stderr);
    assert!(
        log.contains("too much memory") && log.contains("cannot be used any more"),
        "{log}"
    );
}

/// The folder of a server that ran once.
fn data_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    drop(peregrine_store::SqliteDatabase::open(&folder.path().join("peregrine.db")).unwrap());
    folder
}

#[test]
fn users_are_managed_on_the_command_line() {
    let folder = data_folder();
    let place = folder.path().to_str().unwrap();
    let user = |args: &[&str], input: &str| {
        let output = run(&[&["user"], args, &["--datastore", place]].concat(), input);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, error) = user(
        &["add", "ann", "--role", "reader,analyst"],
        "correct horse battery\n",
    );
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "user `ann` is added\n"),
        "{error}"
    );
    let file = folder.path().join("secret");
    fs::write(&file, "another horse battery\nsecond line\n").unwrap();
    let file = file.to_str().unwrap();
    let (code, _, error) = user(&["passwd", "Ann", "--password-file", file], "");
    assert_eq!(code, Some(0), "{error}");
    let (code, _, error) = user(
        &["passwd", "ann", "--password-file", "-"],
        "a third horse battery",
    );
    assert_eq!(code, Some(0), "{error}");
    let (_, out, error) = user(&["list"], "");
    assert!(
        out.starts_with("ann ") && out.contains("reader,analyst"),
        "{out} {error}"
    );
    assert!(!out.contains("argon2"), "{out}");
    for (args, input, part) in [
        (&["passwd", "bob"][..], "correct horse battery\n", "no user `bob`"),
        (&["passwd", "ann"], "\n", "there is no password"),
        (&["passwd", "ann"], "short\n", "too short"),
        (
            &["add", "ann", "--role", "reader"],
            "correct horse battery\n",
            "exists already",
        ),
        (
            &["add", "eve", "--role", "emperor"],
            "",
            "there are org_admin, administrator",
        ),
        (&["add", "eve"], "correct horse battery\n", "--role"),
    ] {
        let (code, _, error) = user(args, input);
        assert!(code != Some(0) && error.contains(part), "{args:?}: {error}");
    }
    let nothing = tempfile::tempdir().unwrap();
    let output = run(
        &["user", "list", "--datastore", nothing.path().to_str().unwrap()],
        "",
    );
    assert!(text(&output.stderr).contains("no data folder of a server"));
}

#[test]
fn a_server_without_its_configuration_does_not_start_anew() {
    let folder = data_folder();
    let place = folder.path().to_str().unwrap();
    let args = [
        "user",
        "add",
        "ann",
        "--role",
        "administrator",
        "--datastore",
        place,
    ];
    assert_eq!(run(&args, "correct horse battery\n").status.code(), Some(0));
    let server = ["server", "--datastore", place, "--port", "0", "--agent-port", "0"];
    let output = run(&server, "");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("server.config.yaml` is missing"),
        "{}",
        text(&output.stderr)
    );
    assert!(!folder.path().join("server.config.yaml").exists());
}
