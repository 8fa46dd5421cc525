//! Names, arguments and versions of the plugins here agree with the catalogue of the reference platform, when it is at
//! hand.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use peregrine_engine::json;
use peregrine_engine::prelude::{Str, Value};

fn text(entry: &Value, name: &str) -> String {
    entry
        .as_dict()
        .unwrap()
        .get(name)
        .and_then(|value| value.as_str().map(Str::to_string))
        .unwrap_or_default()
}

fn flag(entry: &Value, name: &str) -> bool {
    matches!(entry.as_dict().unwrap().get(name), Some(Value::Bool(true)))
}

#[test]
#[ignore = "compares with $PEREGRINE_SHARED/reference/vql-catalog.json; make test runs it where that is"]
fn plugins_agree_with_the_catalogue() {
    let folder = std::env::var_os("PEREGRINE_SHARED").expect("PEREGRINE_SHARED names the folder");
    let path = std::path::Path::new(&folder).join("reference/vql-catalog.json");
    let catalogue = json::parse(&std::fs::read(path).unwrap()).unwrap();
    let entries = catalogue.as_dict().unwrap().get("entries").unwrap();
    let entries: Vec<&Value> = entries
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| text(entry, "kind") == "plugin")
        .collect();
    let mut problems = Vec::new();
    for def in peregrine_plugins::PLUGINS.iter().copied().flatten() {
        let Some(entry) = entries.iter().find(|entry| text(entry, "name") == def.name) else {
            println!("not in the catalogue: {}", def.name);
            continue;
        };
        let version = entry
            .as_dict()
            .unwrap()
            .get("version")
            .and_then(|version| version.as_i64())
            .unwrap_or(0);
        if def.version != version {
            problems.push(format!(
                "{} has version {}, in the catalogue {version}",
                def.name, def.version
            ));
        }
        let theirs = entry.as_dict().unwrap().get("args").unwrap_or_default();
        let theirs = theirs.as_array().unwrap_or_default();
        for their in theirs {
            let name = text(their, "name");
            let Some(arg) = def.args.iter().find(|arg| arg.name == name) else {
                problems.push(format!("{}: argument {name} is missing", def.name));
                continue;
            };
            // Patterns and lambdas are strings in the catalogue; its `int` has 64 bits here.
            let same_type = arg.type_name == text(their, "type")
                || text(their, "type") == "int"
                || (text(their, "type") == "string" && matches!(arg.type_name, "Lambda" | "regex"));
            if arg.required != flag(their, "required")
                || arg.repeated != flag(their, "repeated")
                || !same_type
            {
                problems.push(format!("{}: {arg:?} is {their:?} in the catalogue", def.name));
            }
        }
        // More than the catalogue has is an extension.
        for arg in def.args.iter().filter(|arg| !arg.rest) {
            if !theirs.iter().any(|their| text(their, "name") == arg.name) {
                println!("not in the catalogue: {}({})", def.name, arg.name);
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
