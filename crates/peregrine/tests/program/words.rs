//! The words a user reads on the command line: help, refusals, findings, rows in every format. A change of them is a change of
//! `snapshots/`, to be read as such.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A folder in which commands run, and what was shown by those that did.
struct Session {
    folder: tempfile::TempDir,
    shown: String,
}

impl Session {
    fn new() -> Session {
        Session {
            folder: tempfile::tempdir().unwrap(),
            shown: String::new(),
        }
    }

    fn with(files: &[(&str, &str)]) -> Session {
        let session = Session::new();
        for (name, text) in files {
            fs::write(session.folder.path().join(name), text).unwrap();
        }
        session
    }

    fn run(&mut self, args: &[&str]) {
        self.run_with(args, "");
    }

    /// Adds what was typed and what came: lines on standard error begin with `2> `.
    fn run_with(&mut self, args: &[&str], input: &str) {
        let (code, out, err) = run(self.folder.path(), args, input);
        let quoted = args.iter().map(|arg| quoted(arg)).collect::<Vec<_>>().join(" ");
        let err: String = err.lines().map(|line| format!("2> {line}\n")).collect();
        writeln!(self.shown, "$ peregrine {quoted}\n{out}{err}exit code {code}\n").unwrap();
    }
}

/// As in a shell.
fn quoted(arg: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=".contains(letter);
    match arg.is_empty() || !arg.chars().all(is_plain) {
        true => format!("\"{arg}\""),
        false => arg.to_owned(),
    }
}

/// Exit code and both streams, wherever and whoever runs it.
fn run(folder: &Path, args: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_peregrine"))
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("COLUMNS", "100")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that reads nothing may end before it reads this.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// Pages of help of this verb and all below it.
fn help(verbs: &[&str], pages: &mut Vec<(String, String)>) {
    let (_, page, _) = run(Path::new("/"), &[verbs, &["--help"]].concat(), "");
    let below = page.lines().skip_while(|line| *line != "Commands:").skip(1);
    let below = below.take_while(|line| line.starts_with("  "));
    let below: Vec<String> = below
        // Lines that go on are further in.
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .map(str::to_owned)
        .collect();
    pages.push(([&["help"], verbs].concat().join("_"), page));
    for verb in &below {
        help(&[verbs, &[verb.as_str()]].concat(), pages);
    }
}

#[test]
fn help_of_every_verb() {
    let mut pages = Vec::new();
    help(&[], &mut pages);
    assert!(pages.len() > 20, "{} pages", pages.len());
    for (name, page) in pages {
        insta::assert_snapshot!(name, page);
    }
}

#[test]
fn refused_command_lines() {
    const ROWS: &str = "SELECT 1 AS A FROM scope()";
    let mut session = Session::with(&[("library.vql", "LET z = 5")]);
    for args in [
        ["qurey"].as_slice(),
        &["query"],
        &["query", "--format", "xml", ROWS],
        &["query", "--env", "A", ROWS],
        &["query", "--timeout", "0", ROWS],
        &["query", "--timeout", "x", ROWS],
        &["query", "--max-rows", "0", ROWS],
        &["query", "--max-row", "1", ROWS],
        &["query", "-f", "no.vql"],
        &["query", "-f", "library.vql", "SELECT z FROM scope()"],
        &["query", "-D", "no-folder", ROWS],
        &["query", "--output", "no-folder/x", ROWS],
        &["query", "--datastore", "no-folder", ROWS],
        &["vql", "fmt"],
        &["vql", "fmt", "no.vql"],
        &["vql", "lint", "no.vql"],
        &["vql", "doc", "pslst"],
        &["vql", "doc", "unheard"],
        &["artifacts", "list", "pstree"],
        &["artifacts", "show", "No.Such"],
        &["artifacts", "show", "Linux.Network.Netstat/TCP"],
        &["artifacts", "show", "Generic.System.Pstre"],
        &["artifacts", "collect", "Generic.System.Pstre"],
        &["artifacts", "collect", "Linux.Network.Netstat/TCP"],
        &["artifacts", "collect", "Linux.Mounts", "--args", "Nothing=1"],
        &["artifacts", "verify", "no.yaml"],
        &["golden", "no-folder"],
        &["golden", "."],
        &["server", "--bind", "nonsense"],
        &["agent"],
        &["agent", "--config", "no.yaml"],
        &["user", "list", "--datastore", "no-folder"],
        &["user", "grant", "somebody", "--datastore", "no-folder"],
        &["completion", "tcsh"],
    ] {
        session.run(args);
    }
    insta::assert_snapshot!(session.shown);
}

#[test]
fn queries_that_end_badly() {
    let mut session = Session::new();
    for args in [
        [""].as_slice(),
        &["SELECT 1 FORM scope()"],
        &["SELECT 1 FROM scope()", "SELECT * FROM range(end=1) WHERE"],
        &["SELECT nosuch FROM scope()"],
        &["SELECT * FROM pslst()"],
        &["SELECT subst(str='a') AS A FROM scope()"],
        &["SELECT substr(start=1) AS A FROM scope()"],
        &["SELECT * FROM range(end='many')"],
        &["SELECT * FROM clock(start='soon')"],
        &["SELECT * FROM Artifact.No.Such()"],
        &["SELECT * FROM Artifact.Linux.Network.Netstat(source='TCP')"],
        &["SELECT * FROM parse_csv(filename='/no/such')"],
        &[
            "--max-rows",
            "2",
            "SELECT _value AS N FROM range(end=3)",
            "SELECT 1 FROM scope()",
        ],
        &[
            "--format",
            "json",
            "--max-rows",
            "1",
            "SELECT _value AS N FROM range(end=3)",
        ],
        &["SELECT log(message='fine', level='WARN') AS A FROM scope()"],
    ] {
        session.run(&[&["query"], args].concat());
    }
    session.run_with(&["query", "-"], "SELECT");
    session.run(&["--log-json", "query", "SELECT ) FROM scope()"]);
    insta::assert_snapshot!(session.shown);
}

#[test]
fn rows_in_every_format() {
    let mut session = Session::new();
    for format in ["json", "jsonl", "csv", "table", "record"] {
        session.run(&[
            "query",
            "--format",
            format,
            "SELECT * FROM chain(a={ SELECT 1 AS Number, 'x,\"y\"' AS Text, dict(k=[1, NULL]) AS Dict FROM scope() }, \
             b={ SELECT 2.5 AS Number, 'a\\nb' AS Text, timestamp(epoch=1700000000) AS Time FROM scope() })",
        ]);
        session.run(&[
            "query",
            "--format",
            format,
            "SELECT 1 AS A FROM scope() WHERE FALSE",
        ]);
    }
    insta::assert_snapshot!(session.shown);
}

#[test]
fn pages_of_the_manual() {
    let mut session = Session::new();
    for name in ["substr", "glob", "parse_json_array"] {
        session.run(&["vql", "doc", name]);
    }
    insta::assert_snapshot!(session.shown);
}

#[test]
fn layout_of_queries() {
    let mut session = Session::with(&[
        ("ugly.vql", "-- why\nselect a,b   from info() where  a"),
        ("broken.vql", "SELECT FROM"),
        ("fine.vql", "SELECT a\nFROM info()\n"),
    ]);
    session.run(&["vql", "fmt", "--check", "ugly.vql", "fine.vql"]);
    session.run(&["vql", "fmt", "ugly.vql", "fine.vql"]);
    session.run(&["vql", "fmt", "--check", "ugly.vql", "broken.vql"]);
    session.run_with(&["vql", "fmt", "-"], "let x=5 select x from scope()");
    session.run_with(&["vql", "fmt", "-"], "SELECT a -- x\nFROM b()");
    insta::assert_snapshot!(session.shown);
}

/// A definition with something to find in every part.
const DEFINITION: &str = "\
name: Custom.Check
description: |
  Lists what is
  there. And more.
parameters:
  - name: P
sources:
  - name: First
    query: SELECT P, Nothing FROM Artifact.Custom.Absent(P='x')
  - name: Second
    query: SELECT * FROM Artifact.Linux.Sys.Pslist(Proces='ü') WHERE substr(strg='x')
";

/// Definitions that are wrong, one for each code there is for that.
const WRONG: &[(&str, &str, &str)] = &[
    ("V200", "broken.yaml", "name: [\n"),
    (
        "V200",
        "unknown.yaml",
        "name: Custom.X\nsource:\n  - query: SELECT 1 FROM scope()\n",
    ),
    (
        "V200",
        "field.yaml",
        "name: Custom.X\nsources:\n  - nonsense: SELECT 1 FROM scope()\n",
    ),
    ("V200", "type.yaml", "name: Custom.X\ntype: CLEINT\n"),
    (
        "V201",
        "permission.yaml",
        "name: Custom.Y\ntype: CLIENT\nrequired_permissions: [EXECVE, FLY]\nimplied_permissions:\n  - EXECV\n",
    ),
    (
        "V201",
        "name.yaml",
        "description: |\n  Things.\nname: Custom.Für\naliases:\n  - Custom.1\n",
    ),
    (
        "V201",
        "queries.yaml",
        "name: Custom.W\nsources:\n  - name: Late\n    query: |\n      SELECT 1 FROM scope()\n      SELECT 2 FROM scope()\n  - query: LET x = 1\n    notebook:\n      - type: table\n",
    ),
    (
        "V202",
        "import.yaml",
        "name: Custom.Z\nimports: [Custom.Nowhere]\nsources:\n  - query: SELECT 1 FROM scope()\n",
    ),
    (
        "V202",
        "exports.yaml",
        "name: Custom.V\nimports:\n  - Linux.Mounts # for its names\nsources:\n  - query: SELECT 1 FROM scope()\n",
    ),
];

#[test]
fn each_code_about_definitions_as_a_user_reads_it() {
    for code in ["V200", "V201", "V202"] {
        let files = WRONG.iter().filter(|(about, ..)| *about == code);
        let files: Vec<_> = files.map(|(_, name, text)| (*name, *text)).collect();
        let mut session = Session::with(&files);
        for (name, _) in files {
            session.run(&["vql", "lint", name]);
        }
        insta::assert_snapshot!(code, session.shown);
    }
}

#[test]
fn findings_about_definitions_and_queries() {
    let mut files = vec![
        ("check.yaml", DEFINITION),
        (
            "query.vql",
            "LET idle = 1\nSELECT Folder, substr(str='ä', begin=1)\nFROM info()\n",
        ),
    ];
    files.extend(WRONG.iter().map(|(_, name, text)| (*name, *text)));
    let mut session = Session::with(&files);
    session.run(&["vql", "lint", "check.yaml", "query.vql"]);
    session.run(&["vql", "lint", "--strict", "query.vql"]);
    session.run(&["vql", "lint", "--format", "json", "query.vql"]);
    session.run_with(&["vql", "lint", "-"], "SELECT Name\nFROM pslst()\n");
    session.run(&[
        "artifacts",
        "verify",
        "check.yaml",
        "broken.yaml",
        "unknown.yaml",
        "permission.yaml",
        "import.yaml",
    ]);
    insta::assert_snapshot!(session.shown);
}

#[test]
fn artifacts_as_they_are_listed_and_shown() {
    let folder = "definitions";
    let definition = DEFINITION.split("  - name: Second").next().unwrap();
    let definition = definition.replace("P, Nothing FROM Artifact.Custom.Absent(P='x')", "P FROM scope()");
    let mut session = Session::new();
    fs::create_dir(session.folder.path().join(folder)).unwrap();
    for (name, text) in [("check.yaml", definition.as_str()), ("broken.yaml", "name: [\n")] {
        fs::write(session.folder.path().join(folder).join(name), text).unwrap();
    }
    session.run(&["artifacts", "list", "Generic.Client.*"]);
    session.run(&["artifacts", "list", "-D", folder, "Custom.*"]);
    session.run(&["artifacts", "list", "Nothing.*"]);
    session.run(&["artifacts", "show", "-D", folder, "Custom.Check"]);
    session.run(&["artifacts", "verify", "definitions/check.yaml"]);
    session.run(&[
        "artifacts",
        "collect",
        "-D",
        folder,
        "Custom.Check",
        "--args",
        "P=x",
    ]);
    insta::assert_snapshot!(session.shown);
}
