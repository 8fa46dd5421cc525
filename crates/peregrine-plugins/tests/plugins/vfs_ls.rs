//! Rows of files, from `glob()`, `stat()` and `vfs_ls()`: what they show, and which other names they respond
//! to.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use peregrine_engine::context::Context;
use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin, json};

/// Files enough for a query to be bound to the columns of their rows.
const FILES: usize = 24;

fn folder_of_files() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    for number in 0..FILES {
        let path = folder.path().join(format!("f{number:02}"));
        std::fs::write(&path, "content").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    folder
}

/// The rows as JSON, and the messages above INFO.
fn ask(folder: &tempfile::TempDir, query: &str) -> (Vec<String>, Vec<String>) {
    let log = Arc::new(MemoryLog::default());
    let context = Context::builder()
        .registry(Arc::new(peregrine_plugins::register(
            peregrine_functions::register(builtin::registry()),
        )))
        .log(log.clone())
        .build();
    let env = Dict::from_pairs([
        ("Root", Value::from(folder.path().to_str().unwrap())),
        ("Outer", Value::from(7)),
    ]);
    let scope = Scope::root(&context, env);
    let mut rows: Vec<Row> = Vec::new();
    Program::compile(query).unwrap().run(&scope, &mut rows).unwrap();
    let shown = rows.iter().map(|row| {
        let mut text = Vec::new();
        json::write_row(&scope, row, &mut text);
        String::from_utf8(text).unwrap()
    });
    let complaints = log.lines().into_iter().filter(|line| {
        let line = line.to_uppercase();
        line.contains("ERROR") || line.contains("NOT FOUND")
    });
    (shown.collect(), complaints.collect())
}

#[test]
fn rows_of_files_answer_by_every_name_the_field_knows() {
    let folder = folder_of_files();
    let root = folder.path().display();
    let (rows, complaints) = ask(
        &folder,
        "SELECT FullPath, ModTime = Mtime AS Same, Mode, Mode.IsRegular AS IsRegular, Mode.IsDir AS IsFolder,
                Mode.Perm AS Perm, Mode.String AS Text, ModeStr, Mode = 420 AS IsNumber, Sys.Nlink AS Links,
                Sys.Ino > 0 AS HasInode, Sys.Dev = Dev AS SameDevice, Sys.Mtim.Sec = Mtime.Unix AS SameTime,
                GetLink, NoSuchMember, NoSuch.Member AS Deeper, Outer
         FROM glob(globs=Root + '/f*') WHERE Name != 'f03' AND NOT NoSuchCondition",
    );
    assert_eq!(complaints, Vec::<String>::new());
    assert_eq!(rows.len(), FILES - 1);
    for row in &rows {
        let expected = r#"","Same":true,"Mode":420,"IsRegular":true,"IsFolder":false,"Perm":420,"Text":"-rw-r--r--","ModeStr":"-rw-r--r--","IsNumber":true,"Links":1,"HasInode":true,"SameDevice":true,"SameTime":true,"GetLink":null,"NoSuchMember":null,"Deeper":null,"Outer":7}"#;
        assert!(row.starts_with(&format!(r#"{{"FullPath":"{root}/f"#)), "{row}");
        assert!(row.ends_with(expected), "{row}");
    }
}

#[test]
fn what_rows_of_files_answer_to_is_not_shown() {
    let folder = folder_of_files();
    let columns = "Name, OSPath, Mtime, Atime, Ctime, Btime, Size, Mode, IsDir, IsLink, Data, Globs";
    let (shown, _) = ask(&folder, "SELECT * FROM glob(globs=Root + '/f*')");
    let (named, _) = ask(
        &folder,
        &format!("SELECT {columns} FROM glob(globs=Root + '/f*')"),
    );
    assert_eq!(shown, named);
    // `*` passes on only what it shows, whether or not the query is already bound to the columns.
    let (rows, complaints) = ask(
        &folder,
        "LET Files = SELECT * FROM glob(globs=Root + '/f*') SELECT FullPath FROM Files",
    );
    assert_eq!(rows, vec![r#"{"FullPath":null}"#; FILES]);
    assert!(!complaints.is_empty());
}

#[test]
fn rows_of_one_file_and_of_a_listing_are_silent_about_what_they_lack() {
    let folder = folder_of_files();
    let (rows, complaints) = ask(
        &folder,
        "SELECT Name, Mode.IsRegular AS IsRegular, Sys.Size AS Size, GetLink, NoSuch, Outer
         FROM stat(filename=Root + '/f01')",
    );
    assert_eq!(complaints, Vec::<String>::new());
    assert_eq!(
        rows,
        [r#"{"Name":"f01","IsRegular":true,"Size":7,"GetLink":null,"NoSuch":null,"Outer":7}"#]
    );
    let (rows, complaints) = ask(
        &folder,
        "SELECT Name, mtime = Mtime AS Same, NoSuch FROM vfs_ls(path=Root) WHERE NOT Stats",
    );
    assert_eq!(complaints, Vec::<String>::new());
    assert_eq!(rows.len(), FILES);
    assert_eq!(rows[1], r#"{"Name":"f01","Same":true,"NoSuch":null}"#);
    // Other rows log unknown names.
    let (_, complaints) = ask(&folder, "SELECT NoSuch FROM range(end=1)");
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    let (_, complaints) = ask(&folder, "SELECT NoSuch FROM pslist(pid=1)");
    assert_eq!(complaints.len(), 1, "{complaints:?}");
}

#[test]
fn a_listing_has_the_columns_of_the_field() {
    let folder = folder_of_files();
    let (rows, _) = ask(&folder, "SELECT * FROM vfs_ls(path=Root)");
    let names: Vec<&str> = rows[0]
        .split('"')
        .filter(|part| part.len() == 5 && part.ends_with("time"))
        .collect();
    assert_eq!(names, ["Mtime", "Atime", "Ctime", "Btime"]);
    let last = rows.last().unwrap();
    assert!(
        last.contains(&format!(r#""Stats":{{"start_idx":0,"end_idx":{FILES}}}"#)),
        "{last}"
    );
}

#[test]
fn a_path_has_its_pathspec_as_an_object() {
    let folder = folder_of_files();
    let (rows, complaints) = ask(
        &folder,
        "SELECT OSPath.PathSpec AS Spec, OSPath.PathSpec.Path = FullPath AS Same, OSPath.PathSpec.DelegatePath AS Container,
                stat(filename=OSPath.PathSpec).Name AS Name
         FROM glob(globs=Root + '/f00')",
    );
    assert_eq!(complaints, Vec::<String>::new());
    let root = folder.path().display();
    assert_eq!(
        rows,
        [format!(
            r#"{{"Spec":{{"Path":"{root}/f00"}},"Same":true,"Container":"","Name":"f00"}}"#
        )]
    );
}

#[test]
fn folders_are_listed_level_by_level() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir_all(root.join("b/deep/deeper")).unwrap();
    std::fs::create_dir(root.join("empty")).unwrap();
    std::fs::write(root.join("a"), "1").unwrap();
    std::fs::write(root.join("b/c"), "22").unwrap();
    std::os::unix::fs::symlink(root, root.join("loop")).unwrap();
    let list = |depth: i64| {
        let context = Context::builder()
            .registry(Arc::new(peregrine_plugins::register(builtin::registry())))
            .build();
        let env = Dict::from_pairs([
            ("Root", Value::from(root.to_str().unwrap())),
            ("Depth", Value::from(depth)),
        ]);
        let scope = Scope::root(&context, env);
        let query = "SELECT Idx, Name, Size, Mode, Components, Stats.start_idx AS First, Stats.EndIdx AS End
                     FROM vfs_ls(path=Root, depth=Depth)";
        let mut rows: Vec<Row> = Vec::new();
        Program::compile(query).unwrap().run(&scope, &mut rows).unwrap();
        rows.iter()
            .map(|row| {
                let text = |name: &str| row.get(name).unwrap().to_text(&scope).to_string();
                match row.get("Name").unwrap().is_null() {
                    true => format!("{}..{}", text("First"), text("End")),
                    false => format!("{} {}", text("Idx"), text("Name")),
                }
            })
            .collect::<Vec<_>>()
    };
    let first = ["0 a", "1 b", "2 empty", "3 loop", "0..4"];
    assert_eq!(list(0), first);
    let more = ["4 c", "5 deep", "4..6", "6..6"];
    assert_eq!(list(1), [first.as_slice(), &more].concat());
    let most = ["6 deeper", "6..7", "7..7"];
    assert_eq!(list(9), [first.as_slice(), &more, &most].concat());
}
