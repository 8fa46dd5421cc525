//! Checks that dependencies between our crates point one way: a crate may use only crates of a lower layer.
//! The table is the one in `ARCHITECTURE.md`.

use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::process::Command;

/// Crate name without the `peregrine-` prefix, and its layer.
const LAYERS: &[(&str, u8)] = &[
    ("base", 0),
    ("macros", 0),
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
    ("wire", 7),
    ("store", 7),
    ("containers", 7),
    ("agent", 8),
    ("server", 8),
    ("server-vql", 9),
    ("peregrine", 10),
];

/// A crate that must not know another, although its layer would allow it.
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
];

/// Runs the check over `cargo metadata` of the workspace.
pub fn check() -> Result<()> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps"])
        .output()
        .context("running cargo metadata")?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("reading cargo metadata")?;
    let layers: BTreeMap<&str, u8> = LAYERS.iter().copied().collect();
    let mut faults = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
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
    if faults.is_empty() {
        return Ok(());
    }
    bail!("{}", faults.join("\n"))
}

fn short_name(package: &str) -> Option<&str> {
    if package == "peregrine" {
        Some(package)
    } else {
        package.strip_prefix("peregrine-")
    }
}
