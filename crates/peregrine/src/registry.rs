//! Everything VQL can do in this program.

use crate::terminal::{self, Style};
use peregrine_artifacts::{Origin, Repository};
use peregrine_engine::prelude::Registry;
use std::path::PathBuf;
use std::sync::Arc;

/// All functions and plugins.
pub(crate) fn registry() -> Arc<Registry> {
    Arc::new(all())
}

/// Optional parts of a build: the feature, whether it is included, and its names.
const PARTS: &[(&str, bool, &[&str])] = &[
    ("efivariables", cfg!(feature = "efivariables"), &["efivariables"]),
    (
        "javascript",
        cfg!(feature = "javascript"),
        &["js", "js_call", "js_get", "js_set"],
    ),
    ("magic", cfg!(feature = "magic"), &["magic"]),
    ("mail", cfg!(feature = "mail"), &["mail"]),
    (
        "server",
        cfg!(feature = "server"),
        &[
            "add_client_monitoring",
            "add_server_monitoring",
            "artifact_definitions",
            "cancel_flow",
            "client_create",
            "client_delete",
            "client_info",
            "client_metadata",
            "client_set_metadata",
            "clients",
            "collect_client",
            "delete_events",
            "delete_flow",
            "enumerate_flow",
            "favorites_delete",
            "favorites_list",
            "favorites_save",
            "flow_logs",
            "flow_results",
            "flows",
            "get_client_monitoring",
            "get_flow",
            "get_server_monitoring",
            "hunt",
            "hunt_add",
            "hunt_delete",
            "hunt_flows",
            "hunt_info",
            "hunt_results",
            "hunt_update",
            "hunts",
            "killkillkill",
            "label",
            "monitoring",
            "monitoring_logs",
            "parallelize",
            "profile",
            "rm_client_monitoring",
            "rm_server_monitoring",
            "send_event",
            "server_metadata",
            "server_set_metadata",
            "set_client_monitoring",
            "set_server_monitoring",
            "source",
            "uploads",
            "watch_monitoring",
            "whoami",
        ],
    ),
    ("starlark", cfg!(feature = "starlark"), &["starl"]),
    ("templates", cfg!(feature = "templates"), &["template"]),
];

/// All functions and plugins, in a registry that can be extended.
pub(crate) fn all() -> Registry {
    let registry = peregrine_engine::builtin::registry().with_functions(peregrine_artifacts::functions::ALL);
    let registry = peregrine_plugins::register(peregrine_functions::register(registry))
        .with_plugins(peregrine_databases::PLUGINS);
    #[cfg(feature = "javascript")]
    let registry = registry.with_functions(peregrine_js::FUNCTIONS);
    #[cfg(feature = "starlark")]
    let registry = registry.with_functions(peregrine_starlark::FUNCTIONS);
    #[cfg(feature = "server")]
    let registry = peregrine_server_vql::register(registry);
    PARTS
        .iter()
        .filter(|(_, is_built, _)| !is_built)
        .fold(registry, |registry, (feature, _, names)| {
            registry.without(feature, names)
        })
}

/// The built-in artifacts, and those in the given folders.
pub(crate) fn repository(definitions: &[PathBuf]) -> anyhow::Result<Repository> {
    let repository = Repository::with_compiled_in();
    for folder in definitions {
        anyhow::ensure!(
            folder.exists(),
            "no folder `{}` (--definitions)",
            folder.display()
        );
        let loaded = repository.load_folder(folder, Origin::BuiltIn);
        for (path, error) in loaded.errors {
            terminal::say(
                Style::Warning,
                &format!("`{}` is left out: {error}", path.display()),
            );
        }
    }
    Ok(repository)
}

#[cfg(test)]
mod tests {
    use super::{PARTS, all};

    #[test]
    fn a_part_brings_the_names_it_is_listed_with_and_is_all_there_or_not_at_all() {
        let registry = all();
        for (feature, is_built, names) in PARTS {
            for name in *names {
                let is_known = registry.function(name).is_some() || registry.plugin(name).is_some();
                assert_eq!(is_known, *is_built, "`{name}` of `{feature}`");
            }
        }
    }

    #[cfg(feature = "server")]
    #[test]
    fn every_name_of_the_crates_that_can_be_left_out_is_listed() {
        let listed: Vec<&str> = PARTS
            .iter()
            .flat_map(|(_, _, names)| names.iter().copied())
            .collect();
        let names = peregrine_server_vql::PLUGINS.iter().map(|def| def.name);
        let names = names.chain(peregrine_server_vql::FUNCTIONS.iter().map(|def| def.name));
        #[cfg(feature = "javascript")]
        let names = names.chain(peregrine_js::FUNCTIONS.iter().map(|def| def.name));
        #[cfg(feature = "starlark")]
        let names = names.chain(peregrine_starlark::FUNCTIONS.iter().map(|def| def.name));
        for name in names {
            assert!(listed.contains(&name), "add `{name}` to `PARTS`");
        }
    }
}
