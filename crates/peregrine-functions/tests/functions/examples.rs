//! Every example of every function runs and holds; folders and lists agree.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use peregrine_engine::builtin;
use peregrine_engine::prelude::{FunctionDef, Platforms};

fn all() -> impl Iterator<Item = &'static FunctionDef> {
    peregrine_functions::FUNCTIONS.iter().copied().flatten()
}

#[test]
fn examples_hold() {
    let registry = Arc::new(peregrine_functions::register(builtin::registry()));
    let failures = peregrine_engine::examples::check_all_with(&registry, |context| {
        context.extension(Arc::new(peregrine_accessors::AccessorManager::default()))
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_function_has_its_file_and_every_file_its_function() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut defined = BTreeSet::new();
    for folder in std::fs::read_dir(source)
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.path().is_dir())
    {
        for file in std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
            let text = std::fs::read_to_string(file.path()).unwrap();
            if let Some((_, rest)) = text.split_once("const NAME: &'static str = \"") {
                let name = rest.split_once('"').unwrap().0.to_owned();
                let stem = file.path().file_stem().unwrap().to_string_lossy().into_owned();
                assert!(
                    stem == name || matches!(stem.as_str(), "type_of" | "lookup_sid"),
                    "{name} is defined in {stem}.rs"
                );
                assert!(
                    text.starts_with(&format!("//! `{name}()`: ")),
                    "{stem}.rs does not say what {name}() is"
                );
                assert!(defined.insert(name.clone()), "{name} is defined twice");
            }
        }
    }
    // Those of other operating systems are in tables.
    let is_here = |def: &&FunctionDef| def.platforms.contains(Platforms::current());
    let listed: BTreeSet<String> = all().filter(is_here).map(|def| def.name.to_owned()).collect();
    assert_eq!(listed, defined);
}

#[test]
fn manual_pages_are_complete() {
    for def in all() {
        assert!(!def.doc.is_empty(), "{} has no manual page", def.name);
        assert!(!def.examples.is_empty(), "{} has no example", def.name);
        for arg in def.args {
            assert!(
                !arg.doc.is_empty(),
                "{}: argument {} has no text",
                def.name,
                arg.name
            );
        }
    }
}
