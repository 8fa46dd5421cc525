//! Accounts in the data folder of a server, and the folder itself.

use super::{run, text};
use std::fs;

/// The folder of a server that ran once.
fn data_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    drop(
        peregrine_store::SqlAddress::File(folder.path().join("peregrine.db"))
            .open()
            .unwrap(),
    );
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
    let (code, out, error) = user(&["grant", "ANN", "--role", "artifact_writer,reader"], "");
    assert_eq!(code, Some(0), "{error}");
    assert!(
        out.ends_with("has the roles reader, analyst, artifact_writer\n"),
        "{out}"
    );
    assert!(
        error.contains("nobody who can sign in can manage the server"),
        "{error}"
    );
    let (code, out, error) = user(&["roles", "ann", "--role", "administrator"], "");
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "user `ann` has the roles administrator\n"),
        "{error}"
    );
    assert!(error.is_empty(), "{error}");
    assert!(user(&["list"], "").1.contains("administrator  "));
    for (args, input, part) in [
        (
            &["passwd", "bob"][..],
            "correct horse battery\n",
            "user `bob` not found",
        ),
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
            "the roles are org_admin, administrator",
        ),
        (&["add", "eve"], "correct horse battery\n", "--role"),
        (&["grant", "bob", "--role", "reader"], "", "user `bob` not found"),
        (
            &["roles", "ann", "--role", "emperor"],
            "",
            "the roles are org_admin, administrator",
        ),
        (&["roles", "ann"], "", "--role"),
    ] {
        let (code, _, error) = user(args, input);
        assert!(code != Some(0) && error.contains(part), "{args:?}: {error}");
    }
    let nothing = tempfile::tempdir().unwrap();
    let output = run(
        &["user", "list", "--datastore", nothing.path().to_str().unwrap()],
        "",
    );
    assert!(text(&output.stderr).contains("is not the data folder of a server"));
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
    let ports = ["--port", "0", "--agent-port", "0", "--api-port", "0"];
    let server = [&["server", "--datastore", place][..], &ports].concat();
    let output = run(&server, "");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("server.config.yaml` is missing"),
        "{}",
        text(&output.stderr)
    );
    assert!(!folder.path().join("server.config.yaml").exists());
}
