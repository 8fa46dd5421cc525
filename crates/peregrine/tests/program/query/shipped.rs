//! Built-in artifacts in hostile environments, and with wrong settings.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use super::{run, text};

/// Of the file below, as `sha256sum` says.
const TOOL: &str = "hello";
const TOOL_HASH: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/// Answers every request with the tool, as long as the test runs.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/tool", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if !stream.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {
                continue;
            }
            let head = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                TOOL.len()
            );
            let _ = stream.write_all(format!("{head}{TOOL}").as_bytes());
        }
    });
    address
}

/// The state and the path returned by `Generic.Utils.FetchBinary`, and its messages.
fn fetch(folder: &Path, link: &str, hash: &str) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_peregrine"))
        .env("TMPDIR", folder)
        .args(["query", "--format", "csv"])
        .args(["--env", "Tool_Example_FILENAME=example"])
        .args(["--env", &format!("Tool_Example_HASH={hash}")])
        .args(["--env", &format!("Tool_Example_URL={link}")])
        .arg(
            "SELECT DownloadStatus, OSPath, read_file(filename=OSPath) AS Content, stat(filename=OSPath).Mode.String AS Mode
             FROM Artifact.Generic.Utils.FetchBinary(ToolName='Example', SleepDuration=0)",
        )
        .output()
        .unwrap();
    let rows = text(&output.stdout);
    (
        rows.lines().nth(1).unwrap_or_default().to_owned(),
        text(&output.stderr),
    )
}

#[test]
fn a_tool_is_kept_only_where_nobody_else_may_change_it() {
    let link = serve();
    let folder = tempfile::tempdir().unwrap();
    let (kept, other) = (folder.path().join("example"), folder.path().join("other"));
    let known = kept.to_str().unwrap();
    let row = |status: &str| format!("{status},{known},{TOOL},-rwx------");

    let (first, log) = fetch(folder.path(), &link, TOOL_HASH);
    assert_eq!(first, row("Downloaded"), "{log}");
    assert!(
        log.contains(&format!("Fetching tool Example (example) from {link}")),
        "{log}"
    );
    assert_eq!(fetch(folder.path(), &link, TOOL_HASH).0, row("Cached"));

    // A file that others may write, and a link: of the right content, which may be another a moment later.
    let elsewhere = |prepared: &str| {
        let (row, log) = fetch(folder.path(), &link, TOOL_HASH);
        assert!(
            row.starts_with("Downloaded,") && row.contains(",hello,"),
            "{prepared}: {row} {log}"
        );
        assert!(!row.contains(known), "{prepared}: {row}");
    };
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o777)).unwrap();
    elsewhere("writable");
    fs::rename(&kept, &other).unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o700)).unwrap();
    symlink(&other, &kept).unwrap();
    elsewhere("link");
    fs::write(&other, "untouched").unwrap();
    elsewhere("link to something else");
    assert_eq!(fs::read_to_string(&other).unwrap(), "untouched");

    let (row, log) = fetch(folder.path(), &link, &"0".repeat(64));
    assert_eq!(row, "");
    assert!(
        log.contains("Cannot fetch tool Example (example)") && log.contains(&"0".repeat(64)),
        "{log}"
    );
}

#[test]
fn a_table_of_places_without_its_column_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "").unwrap();
    let path = path.to_str().unwrap();
    let find = |table: &str| {
        let table = format!("SearchFilesGlobTable={table}");
        let name = [
            "artifacts",
            "collect",
            "Linux.Search.FileFinder",
            "--format",
            "csv",
        ];
        let args = [
            "--args",
            "SearchFilesGlob=",
            "--args",
            "ExcludePathRegex=",
            "--args",
            &table,
        ];
        let output = run(&[&name[..], &args].concat(), "");
        (text(&output.stdout), text(&output.stderr))
    };
    let (rows, log) = find(&format!("Glob,Note\n{path},x\n,\n"));
    assert!(rows.contains(path) && log.is_empty(), "{rows} {log}");
    let (rows, log) = find(&format!("Path\n{path}\n"));
    assert!(rows.is_empty(), "{rows}");
    assert!(
        log.contains("a row has no column `Glob`") && log.contains(path),
        "{log}"
    );
    let (_, log) = find("Glob\n");
    assert!(
        log.contains("Neither SearchFilesGlob nor SearchFilesGlobTable"),
        "{log}"
    );
}
