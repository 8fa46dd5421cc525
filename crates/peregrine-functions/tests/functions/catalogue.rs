//! Names, arguments and versions agree with the catalogue of the reference platform, if that is available.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use serde_json::Value;

/// The catalogue's `int` has 64 bits here; `Any` lists promote scalars.
fn same_type(ours: &str, theirs: &str) -> bool {
    ours == theirs || (ours == "int64" && theirs == "int") || (ours == "LazyExpr" && theirs == "LazyAny")
}

#[test]
#[ignore = "compares with $PEREGRINE_SHARED/reference/vql-catalog.json; make test runs it where that is"]
fn functions_agree_with_the_catalogue() {
    let folder = std::env::var_os("PEREGRINE_SHARED").expect("PEREGRINE_SHARED names the folder");
    let path = std::path::Path::new(&folder).join("reference/vql-catalog.json");
    let catalogue: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let entries: Vec<&Value> = catalogue["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["kind"] == "function")
        .collect();
    let mut problems = Vec::new();
    let ours: Vec<_> = peregrine_functions::FUNCTIONS.iter().copied().flatten().collect();
    for def in &ours {
        let Some(entry) = entries.iter().find(|entry| entry["name"] == def.name) else {
            problems.push(format!("{} is not in the catalogue", def.name));
            continue;
        };
        if def.version != entry["version"].as_i64().unwrap_or(0) {
            problems.push(format!("{} has version {}", def.name, def.version));
        }
        let no_args = Vec::new();
        let theirs = entry["args"].as_array().unwrap_or(&no_args);
        for arg in def.args.iter().filter(|arg| !arg.rest) {
            let Some(their) = theirs.iter().find(|their| their["name"] == arg.name) else {
                problems.push(format!(
                    "{}: the catalogue has no argument {}",
                    def.name, arg.name
                ));
                continue;
            };
            let required = their["required"] == true;
            let repeated = their["repeated"] == true;
            let type_name = their["type"].as_str().unwrap();
            if arg.required != required || arg.repeated != repeated || !same_type(arg.type_name, type_name) {
                problems.push(format!("{}: {arg:?} is {their} in the catalogue", def.name));
            }
        }
        for their in theirs {
            if !def.args.iter().any(|arg| their["name"] == arg.name) {
                problems.push(format!("{}: argument {} is missing", def.name, their["name"]));
            }
        }
    }
    let core = peregrine_engine::builtin::registry();
    let absent: Vec<&str> = entries
        .iter()
        .filter_map(|entry| entry["name"].as_str())
        .filter(|name| core.function(name).is_none() && !ours.iter().any(|def| def.name == *name))
        .collect();
    println!(
        "{} functions here; {} of the catalogue elsewhere or absent: {}",
        ours.len(),
        absent.len(),
        absent.join(" ")
    );
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
