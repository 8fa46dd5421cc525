//! Checks the dependencies between our crates: a crate may use only crates of a lower layer. The table is the one in
//! `ARCHITECTURE.md`.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Crate name without the `peregrine-` prefix, and its layer.
const LAYERS: &[(&str, u8)] = &[
    ("base", 0),
    ("macros", 0),
    ("tls", 0),
    ("testkit", 0),
    ("vql", 1),
    ("vql-ide", 2),
    ("engine", 2),
    ("formats", 3),
    ("os", 3),
    ("tracker", 3),
    ("pgp", 3),
    ("sigma", 3),
    ("yara", 3),
    ("accessors", 4),
    ("functions", 5),
    ("js", 5),
    ("starlark", 5),
    ("plugins", 6),
    ("databases", 6),
    ("artifacts", 6),
    ("proto", 5),
    ("api", 7),
    ("wire", 7),
    ("store", 7),
    ("containers", 7),
    ("agent", 8),
    ("services", 8),
    ("pool", 9),
    ("server-vql", 9),
    ("server", 10),
    ("peregrine", 11),
    ("fuzz", 11),
];

/// Pairs of a crate and another that it must not use, although the layers would allow it.
const FORBIDDEN: &[(&str, &str)] = &[
    ("formats", "engine"),
    ("formats", "vql"),
    ("os", "engine"),
    ("os", "vql"),
    ("tracker", "engine"),
    ("tracker", "vql"),
    ("tracker", "os"),
    ("pgp", "engine"),
    ("pgp", "vql"),
    ("sigma", "engine"),
    ("yara", "engine"),
    ("wire", "artifacts"),
    ("wire", "engine"),
    ("store", "engine"),
    ("store", "artifacts"),
    ("agent", "store"),
    ("agent", "services"),
    ("agent", "server"),
];

/// Starts third-party servers, so it may only be a development dependency.
const FOR_TESTS: &str = "testkit";

/// Crates that must not depend on HTTP, because they do not know who calls them.
const WITHOUT_HTTP: &[&str] = &["services", "server-vql"];

/// Crates that receive or answer requests.
const HTTP: &[&str] = &[
    "axum",
    "http",
    "http-body",
    "hyper",
    "tokio-tungstenite",
    "tonic",
    "tower",
    "tower-http",
    "tungstenite",
];

/// Crates that only send HTTP requests; what they depend on is not searched.
const WAYS_OUT: &[&str] = &["object_store"];

/// Runs the check over `cargo metadata` of the workspace.
pub fn check() -> Result<()> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1"])
        .output()
        .context("running cargo metadata")?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("reading cargo metadata")?;
    let faults = [wrong_edges(&metadata), ways_in(&metadata)].concat();
    if faults.is_empty() {
        return Ok(());
    }
    bail!("{}", faults.join("\n"))
}

/// Dependencies between our crates that are not allowed.
fn wrong_edges(metadata: &Value) -> Vec<String> {
    let layers: BTreeMap<&str, u8> = LAYERS.iter().copied().collect();
    let mut faults = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        // Only third-party packages have a source.
        if !package["source"].is_null() {
            continue;
        }
        let Some(user) = short_name(package["name"].as_str().unwrap_or_default()) else {
            continue;
        };
        let Some(&layer) = layers.get(user) else {
            faults.push(format!(
                "crate `{user}` has no layer: add it to xtask/src/dependency_order.rs and ARCHITECTURE.md"
            ));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let is_dev = dependency["kind"].as_str() == Some("dev");
            let Some(used) = short_name(dependency["name"].as_str().unwrap_or_default()) else {
                continue;
            };
            if is_dev || used == "macros" {
                continue;
            }
            if used == FOR_TESTS {
                faults.push(format!(
                    "`{user}` must have `{used}` for its tests alone: make it a development dependency"
                ));
                continue;
            }
            let Some(&below) = layers.get(used) else { continue };
            if below >= layer && user != "peregrine" {
                faults.push(format!(
                    "`{user}` (layer {layer}) must not use `{used}` (layer {below})"
                ));
            }
            if FORBIDDEN.contains(&(user, used)) {
                faults.push(format!("`{user}` must not know `{used}`"));
            }
        }
    }
    faults
}

/// Crates of [`WITHOUT_HTTP`] that depend on a crate of [`HTTP`], directly or through others.
fn ways_in(metadata: &Value) -> Vec<String> {
    let list = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let names: BTreeMap<String, String> = list(&metadata["packages"])
        .iter()
        .map(|package| (text(&package["id"]), text(&package["name"])))
        .collect();
    let used: BTreeMap<String, Vec<String>> = list(&metadata["resolve"]["nodes"])
        .iter()
        .map(|node| {
            let is_linked = |dependency: &&Value| {
                list(&dependency["dep_kinds"])
                    .iter()
                    .any(|kind| kind["kind"].is_null())
            };
            let linked = list(&node["deps"]);
            let linked = linked.iter().filter(is_linked);
            (text(&node["id"]), linked.map(|each| text(&each["pkg"])).collect())
        })
        .collect();
    let mut faults = Vec::new();
    for (start, name) in &names {
        let Some(user) = short_name(name).filter(|name| WITHOUT_HTTP.contains(name)) else {
            continue;
        };
        let mut seen = BTreeSet::from([start]);
        let mut pending = vec![(start, String::new())];
        while let Some((id, path)) = pending.pop() {
            for next in used.get(id).into_iter().flatten() {
                let Some(name) = names.get(next) else { continue };
                if WAYS_OUT.contains(&name.as_str()) || !seen.insert(next) {
                    continue;
                }
                if HTTP.contains(&name.as_str()) {
                    faults.push(format!("`{user}` must not have `{name}` below it{path}"));
                } else {
                    pending.push((next, format!("{path}, through `{name}`")));
                }
            }
        }
    }
    faults
}

fn short_name(package: &str) -> Option<&str> {
    if package == "peregrine" {
        Some(package)
    } else {
        package.strip_prefix("peregrine-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Value {
        let dependencies: Vec<Value> = dependencies
            .iter()
            .map(|(name, kind)| json!({"name": name, "kind": kind}))
            .collect();
        json!({"id": name, "name": name, "source": null, "dependencies": dependencies})
    }

    fn node(name: &str, dependencies: &[(&str, Option<&str>)]) -> Value {
        let dependencies: Vec<Value> = dependencies
            .iter()
            .map(|(name, kind)| json!({"pkg": name, "dep_kinds": [{"kind": kind}]}))
            .collect();
        json!({"id": name, "deps": dependencies})
    }

    #[test]
    fn edges_that_point_up_or_sideways_are_faults() {
        let metadata = json!({"packages": [
            package("peregrine-services", &[("peregrine-store", None), ("peregrine-server", Some("dev"))]),
            package("peregrine-store", &[("peregrine-engine", None)]),
            package("peregrine-server-vql", &[("peregrine-server", None)]),
            package("peregrine-novel", &[]),
            package("peregrine-databases", &[("peregrine-testkit", Some("dev"))]),
            package("peregrine-wire", &[("peregrine-testkit", Some("build"))]),
        ]});
        let faults = wrong_edges(&metadata).join("\n");
        for part in [
            "`store` must not know `engine`",
            "`server-vql` (layer 9) must not use `server` (layer 10)",
            "`novel` has no layer",
            "`wire` must have `testkit` for its tests alone",
        ] {
            assert!(faults.contains(part), "{part}: {faults}");
        }
        assert_eq!(faults.lines().count(), 4, "{faults}");
    }

    #[test]
    fn http_is_found_below_services_however_deep_unless_it_only_asks() {
        let metadata = |helper: &str, deep: Option<&str>| {
            let names = ["peregrine-services", "peregrine-server", helper, "axum"];
            json!({
                "packages": names.map(|name| package(name, &[])),
                "resolve": {"nodes": [
                    node("peregrine-services", &[(helper, None)]),
                    node("peregrine-server", &[("axum", None)]),
                    node(helper, &[("axum", deep)]),
                ]},
            })
        };
        assert_eq!(
            ways_in(&metadata("helper", None)),
            ["`services` must not have `axum` below it, through `helper`"]
        );
        assert!(ways_in(&metadata("helper", Some("dev"))).is_empty());
        assert!(ways_in(&metadata("object_store", None)).is_empty());
    }
}
