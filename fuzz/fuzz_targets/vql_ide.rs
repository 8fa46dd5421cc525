//! The requests of an editor for an unfinished text, at any position.
#![cfg_attr(fuzzing, no_main)]

use peregrine_vql_ide::{Callable, Catalogue, Surroundings};
use std::sync::LazyLock;

/// A few names are enough to reach the checks of calls.
static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let mut catalogue = Catalogue::default();
    for name in ["format", "count", "dict"] {
        catalogue.functions.insert(
            name.to_owned(),
            Callable {
                free_form: true,
                ..Callable::default()
            },
        );
    }
    for name in ["range", "foreach", "info"] {
        catalogue.plugins.insert(name.to_owned(), Callable::default());
    }
    catalogue
});

peregrine_fuzz::target!(|input: (u16, &str)| {
    let (at, text) = input;
    let around = Surroundings::default();
    let position = usize::from(at) % (text.len() + 1);
    for finding in peregrine_vql_ide::lint(text, &around, &CATALOGUE) {
        let _ = finding.render(text);
    }
    let _ = peregrine_vql_ide::complete(text, position, &around, &CATALOGUE);
    let _ = peregrine_vql_ide::hover(text, position, &around, &CATALOGUE);
    let _ = peregrine_vql_ide::signature(text, position, &around, &CATALOGUE);
    let _ = peregrine_vql_ide::tokens(text, &CATALOGUE).count();
    if let Some(found) = peregrine_vql_ide::occurrence_at(text, position, &around, &CATALOGUE) {
        let _ = peregrine_vql_ide::rename(&[(text, &around)], &found.what, "Other", &CATALOGUE);
    }
});
