//! `peregrine vql lint`, over files and standard input.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

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

const DEFINITION: &str = "\
name: Custom.Check
imports:
  - Custom.Absent
parameters:
  - name: Pattern
    type: regex
sources:
  - name: First
    query: |
      LET Shared = SELECT Hostname FROM info()
      SELECT Hostnam, Pattern, config.version FROM info()

  - name: Second
    query: |
      SELECT * FROM Shared ORDER BY Uptime
  - name: Third
    query: SELECT * FROM Artifact.Linux.Sys.Pslist(Proces='ü') WHERE substr(strg='x')
";

/// `line:column code` of each finding.
fn found(path: &std::path::Path, args: &[&str]) -> Vec<String> {
    let all: Vec<&str> = [&["--format", "json", path.to_str().unwrap()], args].concat();
    let output = lint(&all, "");
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = findings.as_array().unwrap().iter();
    findings
        .map(|finding| {
            format!(
                "{}:{} {}",
                finding["line"],
                finding["column"],
                finding["code"].as_str().unwrap()
            )
        })
        .collect()
}

#[test]
fn findings_about_an_artifact_point_into_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("check.yaml");
    std::fs::write(&file, DEFINITION).unwrap();
    // A missing import may provide any name: only certain findings are reported.
    assert_eq!(
        found(&file, &[]),
        ["3:5 V202", "15:37 V121", "17:52 V131", "17:70 V104", "17:77 V103"]
    );
    std::fs::write(&file, DEFINITION.replace("imports:\n  - Custom.Absent\n", "")).unwrap();
    assert_eq!(
        found(&file, &[]),
        [
            "9:14 V120",
            "13:37 V121",
            "15:52 V131",
            "15:70 V104",
            "15:77 V103"
        ]
    );
    let silenced = DEFINITION.replace("imports:\n  - Custom.Absent\n", "").replace(
        "SELECT * FROM Shared",
        "// linter: unknown_parameter_in_call:Proces\n      SELECT * FROM Shared",
    );
    std::fs::write(&file, silenced).unwrap();
    assert_eq!(
        found(&file, &[]),
        ["9:14 V120", "14:37 V121", "16:70 V104", "16:77 V103"]
    );
    let output = lint(&[file.to_str().unwrap()], "");
    let shown = text(&output.stdout);
    assert!(
        shown.contains("14 |       SELECT * FROM Shared ORDER BY Uptime"),
        "{shown}"
    );
}

#[test]
fn what_is_no_definition_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("check.yaml");
    std::fs::write(
        &file,
        "name: Custom.X\nsource:\n  - query: SELECT 1 FROM scope()\n",
    )
    .unwrap();
    assert_eq!(found(&file, &[]), ["2:1 V200"]);
    std::fs::write(
        &file,
        "name: Custom.X\nsources:\n  - query: |\n      SELECT FROM\n",
    )
    .unwrap();
    assert_eq!(found(&file, &[]), ["4:18 V010"]);
    std::fs::write(
        &file,
        "name: Custom.X\ntype: CLIENT\nrequired_permissions: [FLY]\n",
    )
    .unwrap();
    assert_eq!(found(&file, &[]).len(), 1);
}

#[test]
fn definitions_may_call_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let own = |name: &str, query: &str| {
        std::fs::write(
            folder.path().join(format!("{name}.yaml")),
            format!(
                "name: Custom.{name}\nparameters:\n  - name: Depth\nsources:\n  - query: |\n      {query}\n"
            ),
        )
        .unwrap();
    };
    own("A", "SELECT * FROM Artifact.Custom.B(Depth=1)");
    own("B", "SELECT Depth FROM scope()");
    assert_eq!(found(folder.path(), &[]), Vec::<String>::new());
    let query = folder.path().join("q.vql");
    std::fs::write(&query, "SELECT * FROM Artifact.Custom.C()").unwrap();
    assert_eq!(found(&query, &[]), ["1:24 V130"]);
    let other = tempfile::tempdir().unwrap();
    std::fs::write(
        other.path().join("c.yaml"),
        "name: Custom.C\nsources:\n  - query: SELECT 1 FROM scope()\n",
    )
    .unwrap();
    assert_eq!(
        found(&query, &["-D", other.path().to_str().unwrap()]),
        Vec::<String>::new()
    );
}

#[test]
fn strict_knows_what_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("q.vql");
    std::fs::write(&file, "SELECT Where, Hostname FROM info()").unwrap();
    assert!(found(&file, &[]).is_empty() || found(&file, &[])[0].ends_with("V010"));
    std::fs::write(&file, "SELECT Folder, Hostname FROM info()").unwrap();
    assert_eq!(found(&file, &[]), Vec::<String>::new());
    assert_eq!(found(&file, &["--strict"]), ["1:8 V120"]);
    assert_eq!(
        found(&file, &["--strict", "--env", "Folder=/tmp"]),
        Vec::<String>::new()
    );
}

/// Our own artifacts and documentation are right, so any finding in them is a bug of the check.
#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let output = lint(&[&format!("{root}/artifacts")], "");
    assert_eq!(text(&output.stdout), "0 errors, 0 warnings\n");

    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for chapter in std::fs::read_dir(format!("{root}/docs/reference"))
        .unwrap()
        .flatten()
    {
        let page = std::fs::read_to_string(chapter.path()).unwrap();
        let mut is_plugin = false;
        for part in page.split("<a id=\"") {
            is_plugin = part.starts_with("plugin-") || is_plugin && !part.starts_with("function-");
            for example in part.split("```vql\n").skip(1) {
                let (query, after) = example.split_once("\n```").unwrap();
                if after.trim_start_matches(['`', '\n']).starts_with("fails:") {
                    continue;
                }
                let is_query = ["SELECT", "LET", "EXPLAIN", "//", "--"]
                    .iter()
                    .any(|word| query.starts_with(word));
                let query = match (is_query, is_plugin) {
                    (true, _) => query.to_owned(),
                    (false, true) => format!("SELECT * FROM {query}"),
                    (false, false) => format!("SELECT {query} FROM scope()"),
                };
                count += 1;
                std::fs::write(folder.path().join(format!("{count}.vql")), query).unwrap();
            }
        }
    }
    assert!(count > 100, "{count}");
    let output = lint(&[folder.path().to_str().unwrap()], "");
    assert_eq!(text(&output.stdout), "0 errors, 0 warnings\n");
}
