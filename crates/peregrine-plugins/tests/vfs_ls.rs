//! `vfs_ls()` over a small tree.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use peregrine_engine::context::Context;
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin};

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
        let query = "SELECT Idx, Name, Size, Mode, Components, Stats.StartIdx AS First, Stats.EndIdx AS End
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
