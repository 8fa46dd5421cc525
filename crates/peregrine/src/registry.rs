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

/// All functions and plugins, open for more.
pub(crate) fn all() -> Registry {
    let registry = peregrine_engine::builtin::registry().with_functions(peregrine_artifacts::functions::ALL);
    let registry = peregrine_functions::register(registry)
        .with_functions(peregrine_js::FUNCTIONS)
        .with_functions(peregrine_starlark::FUNCTIONS);
    peregrine_server_vql::register(peregrine_plugins::register(registry))
}

/// The artifacts we ship, and those of the given folders.
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
