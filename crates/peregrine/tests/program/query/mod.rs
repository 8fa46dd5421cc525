//! `peregrine query` as a user runs it: options, output, exit codes.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[cfg(feature = "server")]
mod accounts;
mod interrupt;
mod parts;
mod programs;
#[cfg(feature = "tools")]
mod remote;
mod shipped;

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

/// The output of a successful query.
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
fn variables() {
    check(
        &["--env", "A=b=c", "--env", "B=", "SELECT A, B FROM scope()"],
        "{\"A\":\"b=c\",\"B\":\"\"}\n",
    );
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
}

#[test]
fn standard_input_may_be_the_query() {
    for args in [["query", "-"].as_slice(), ["query", "-f", "-"].as_slice()] {
        let output = run(args, "SELECT 1 AS a FROM scope()");
        assert_eq!(text(&output.stdout), "{\"a\":1}\n", "{}", text(&output.stderr));
    }
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
fn a_limit_of_rows_that_is_just_reached_is_no_fault() {
    check(&["--max-rows", "3", THREE], "{\"N\":0}\n{\"N\":1}\n{\"N\":2}\n");
    check_fails(&["--max_rows", "0", THREE], 2, "--max-rows");
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
fn one_source_can_be_collected() {
    let folder = tempfile::tempdir().unwrap();
    let definition = "name: Custom.Own\nparameters:\n  - name: P\nsources:\n  - name: First\n    query: SELECT 1 AS N FROM scope()\n  - name: Second\n    query: SELECT P, _value AS N FROM range(end=2)\n";
    fs::write(folder.path().join("own.yaml"), definition).unwrap();
    let (verb, definitions) = (["artifacts", "collect", "-D"], folder.path().to_str().unwrap());
    let options = ["Custom.Own/Second", "--args", "P=x", "--format", "csv"];
    let output = run(&[&verb, &[definitions][..], &options].concat(), "");
    assert_eq!(
        (text(&output.stdout).as_str(), output.status.code()),
        (
            "P,N,_Source\nx,0,Custom.Own/Second\nx,1,Custom.Own/Second\n",
            Some(0)
        ),
        "{}",
        text(&output.stderr)
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

/// `artifacts` with definitions in a folder.
fn artifacts(args: &[&str]) -> Output {
    run(&[&["artifacts"], args].concat(), "")
}

#[test]
fn csv_loses_no_column() {
    check(
        &[
            "--format",
            "csv",
            "SELECT * FROM chain(a={ SELECT 1 AS A, 2 AS B FROM scope() }, b={ SELECT 3 AS B FROM scope() },
               c={ SELECT 4 AS A, 5 AS C FROM scope() }, d={ SELECT 6 AS C FROM scope() })",
            "SELECT 7 AS A FROM scope()",
        ],
        "A,B\n1,2\n,3\n\nA,C\n4,5\n,6\nA\n7\n",
    );
}

#[test]
fn a_table_has_a_line_a_row_however_long() {
    let long = "x".repeat(500);
    let row = format!("SELECT 12345678 AS Size, '{long}' AS Text, 'a\nb' AS Lines FROM scope()");
    let shown = text(&query(&["--format", "table", &row]).stdout);
    assert_eq!(shown.lines().count(), 2, "{shown}");
    assert!(
        shown.contains("12345678") && shown.contains("a b") && shown.contains("x…"),
        "{shown}"
    );
}

#[test]
fn what_a_terminal_would_obey_is_shown_in_names_and_messages_too() {
    let hostile = "SELECT 'cell\u{202e}\u{1b}[2J' AS `name\u{202e}\u{1b}[2J`, log(message='said\u{202e}\u{1b}[2J\u{9b}1m') AS L FROM scope()";
    let output = query(&["--format", "table", hostile]);
    for (stream, words) in [
        (text(&output.stdout), ["cell\\u202e␛[2J", "name\\u202e␛[2J"]),
        (text(&output.stderr), ["said\\u202e␛[2J", "\\u009b1m"]),
    ] {
        assert!(!stream.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{stream:?}");
        assert!(words.iter().all(|word| stream.contains(word)), "{stream:?}");
    }
    // An error that quotes hostile text.
    let refused = query(&["-f", "/no/such/\u{202e}\u{1b}[2J"]);
    assert!(
        text(&refused.stderr).contains("/no/such/\\u202e␛[2J"),
        "{:?}",
        text(&refused.stderr)
    );
}

#[test]
fn what_is_not_there_is_told_once_with_a_suggestion() {
    let output = query(&[
        "SELECT * FROM foreach(row={ SELECT * FROM range(end=3) }, query={ SELECT nosuch FROM pslst() })",
    ]);
    let log = text(&output.stderr);
    assert_eq!(log.matches("pslst").count(), 1, "{log}");
    assert!(
        log.contains("Plugin pslst not found; did you mean `pslist`?"),
        "{log}"
    );
    assert!(!log.contains("Current Scope"), "{log}");
    assert_eq!(output.status.code(), Some(1));
    let log = text(&query(&["SELECT nosuch FROM range(end=3)"]).stderr);
    assert_eq!(log.matches("nosuch").count(), 1, "{log}");
    let log = text(&query(&["--debug", "SELECT nosuch FROM range(end=3)"]).stderr);
    assert!(
        log.matches("nosuch").count() >= 2 && log.contains("Current Scope"),
        "{log}"
    );
}

#[test]
fn links_that_lead_back_are_told_once_with_their_number() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        fs::create_dir(folder.path().join(name)).unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join(name).join("up")).unwrap();
    }
    let glob = format!(
        "SELECT count() AS N FROM glob(globs='{}/**') GROUP BY 1",
        folder.path().display()
    );
    let log = text(&query(&[&glob]).stderr);
    assert!(log.lines().count() <= 2, "{log}");
    let all = text(&query(&["--debug", &glob]).stderr);
    let cycles = all.matches("Symlink cycle detected").count();
    assert!(cycles > 1, "{all}");
    assert!(
        log.contains(&format!("{} other link", cycles - 1)) || log.contains("another link"),
        "{log}"
    );
}

#[test]
fn definitions_of_the_folder_are_known_when_others_are_verified_and_broken_ones_are_told() {
    let library = tempfile::tempdir().unwrap();
    let checked = tempfile::tempdir().unwrap();
    fs::write(
        library.path().join("own.yaml"),
        "name: Custom.Own\ndescription: |\n  Lists what is\n  there. And more.\nparameters: [{name: P}]\nsources: [{query: SELECT P FROM scope()}]\n",
    )
    .unwrap();
    fs::write(library.path().join("broken.yaml"), "name: [\n").unwrap();
    let caller = checked.path().join("caller.yaml");
    fs::write(
        &caller,
        "name: Custom.Caller\nsources: [{query: SELECT * FROM Artifact.Custom.Own(P='x')}]\n",
    )
    .unwrap();
    let (library, caller) = (library.path().to_str().unwrap(), caller.to_str().unwrap());
    let verified = artifacts(&["verify", "-D", library, caller]);
    assert!(
        text(&verified.stdout).contains("ok"),
        "{}",
        text(&verified.stdout)
    );
    assert!(
        text(&verified.stderr).contains("broken.yaml` is left out"),
        "{}",
        text(&verified.stderr)
    );
    assert_ne!(artifacts(&["verify", caller]).status.code(), Some(0));
    let listed = text(&artifacts(&["list", "-D", library, "Custom.*"]).stdout);
    assert!(listed.trim_end().ends_with("Lists what is there."), "{listed}");
}

/// Rows of an artifact, as JSON.
fn collect(name: &str, arguments: &[&str]) -> Vec<serde_json::Value> {
    let mut args = vec!["collect", "--format", "jsonl", name];
    for argument in arguments {
        args.extend(["--args", *argument]);
    }
    let output = artifacts(&args);
    assert_eq!(text(&output.stderr), "", "{name} {arguments:?}");
    assert_eq!(output.status.code(), Some(0));
    text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn column(rows: &[serde_json::Value], name: &str) -> Vec<String> {
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    rows.iter().map(|row| text(&row[name])).collect()
}

#[test]
fn parameters_of_shipped_artifacts_do_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::create_dir(path("sub")).unwrap();
    fs::write(path("a"), "hello\n").unwrap();
    let longer = "a longer text than the name of a folder may be\n".repeat(20);
    fs::write(path("sub/b"), longer + "world\n").unwrap();
    std::os::unix::fs::symlink(path("sub"), path("link")).unwrap();
    let everything = format!("SearchFilesGlob={}", path("**"));
    let find = |arguments: &[&str]| {
        let rows = collect(
            "Linux.Search.FileFinder",
            &[&[everything.as_str()], arguments].concat(),
        );
        let mut found = column(&rows, "OSPath");
        found.sort();
        found
            .iter()
            .map(|found| found.replace(&path(""), ""))
            .collect::<Vec<_>>()
    };
    assert_eq!(find(&["DoNotFollowSymlinks=Y"]), ["a", "link", "sub", "sub/b"]);
    assert_eq!(find(&[]), ["a", "link", "link/b", "sub", "sub/b"]);
    assert_eq!(find(&["ExcludePathRegex=/(link|sub)$"]), ["a"]);
    assert_eq!(
        find(&["MinSize=500", "MaxSize=2000", "DoNotFollowSymlinks=Y"]),
        ["sub/b"]
    );
    assert_eq!(find(&["ContentRegex=wor", "DoNotFollowSymlinks=Y"]), ["sub/b"]);
    assert_eq!(find(&["ModifiedBefore=1999-01-01T00:00:00Z"]), [""; 0]);
    assert_eq!(find(&["MoreRecentThan=2999-01-01T00:00:00Z"]), [""; 0]);
    let hashed = collect(
        "Linux.Search.FileFinder",
        &[
            &format!("SearchFilesGlob={}", path("a")),
            "Calculate_Hash=Y",
            "Upload_File=N",
        ],
    );
    assert_eq!(hashed[0]["Hash"]["MD5"], "b1946ac92492d2347c6235b4d2611184");

    let target = format!("TargetGlob={}", path("**"));
    let hunt = |arguments: &[&str]| {
        column(
            &collect(
                "Generic.Detection.HashHunter",
                &[&[target.as_str()], arguments].concat(),
            ),
            "Name",
        )
    };
    assert_eq!(hunt(&["MD5List=x, b1946ac92492d2347c6235b4d2611184"]), ["a"]);
    assert_eq!(hunt(&["SizeMax=10"]), ["a"]);
    assert!(hunt(&["SizeMin=10"]).iter().all(|name| name == "b"));
    assert_eq!(hunt(&["DateAfter=2999-01-01T00:00:00Z"]), [""; 0]);
    assert_eq!(hunt(&["DateBefore=1970-01-02T00:00:00Z"]), [""; 0]);

    let mounts = path("mounts");
    fs::write(
        &mounts,
        "/dev/sda1 /a\\040b ext4 rw,noatime 0 0\nproc /proc proc rw 0 0\n",
    )
    .unwrap();
    let rows = collect(
        "Linux.Mounts",
        &[&format!("ProcMounts={mounts}"), "FSTypeRegex=ext"],
    );
    assert_eq!(column(&rows, "Mount"), ["/a b"]);
    assert_eq!(column(&rows, "Options"), ["rw,noatime"]);

    let me = std::process::id();
    let tree = collect(
        "Generic.System.Pstree",
        &[&format!("PidFilter=^{me}$"), "CallChainSep=/", "IncludePstree=Y"],
    );
    let chain = column(&tree, "CallChain");
    assert!(
        chain.len() == 1 && chain[0].contains('/') && !chain[0].contains("Null"),
        "{chain:?}"
    );
    assert!(tree[0]["PSTree"]["children"].is_array(), "{tree:?}");
    let none = collect("Generic.System.Pstree", &["CommandlineRegex=^no such line$"]);
    assert!(none.is_empty());
}

#[cfg(feature = "tools")]
#[test]
fn shells_and_manuals_learn_the_command_line() {
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&run(&["completion", shell], "").stdout);
        assert!(
            script.contains("artifacts") && script.contains("max-rows"),
            "{shell}: {script}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("man1");
    assert!(run(&["man", target.to_str().unwrap()], "").status.success());
    let page = fs::read_to_string(target.join("peregrine-query.1")).unwrap();
    assert!(page.contains("max"), "{page}");
    assert!(target.join("peregrine.1").is_file());
}
