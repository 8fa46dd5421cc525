//! `verify()`: the static check of an artifact.

use crate::verify::{Definition, RegistryCatalogue, Verification};
use crate::{Namespace, Repository};
use peregrine_engine::prelude::*;

/// Checks an artifact without running it: whether it loads, whether everything it calls exists, and whether
/// the arguments fit.
#[derive(VqlArgs)]
pub(super) struct Args {
    /// The artifact's name, or a definition as YAML.
    artifact: String,
    /// Not used: there is one repository.
    #[arg(name = "repository")]
    _repository: Option<String>,
    /// Not used: nothing is overridden.
    #[arg(name = "disable_override")]
    _disable_override: Option<bool>,
}

pub(super) struct Verify;

impl Function for Verify {
    type Args = Args;
    const NAME: &'static str = "verify";
    const CATEGORY: Category = Category::Utils;
    const EXAMPLES: &'static [Example] = &[not_run(
        "check a known artifact",
        "verify(artifact='Linux.Sys.Pslist')",
    )];
    const VERSION: i64 = 2;

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let repository = Namespace::repository_of(scope).unwrap_or_else(Repository::empty);
        let catalogue = RegistryCatalogue(scope.context().registry().clone());
        let found = match repository.get(&args.artifact) {
            Some(artifact) => crate::verify(&artifact, &repository, &catalogue),
            None => crate::verify_yaml(&args.artifact, &repository, &catalogue),
        };
        Ok(Value::Dict(to_dict(&found)))
    }
}

fn to_dict(found: &Verification) -> Dict {
    let dict = Dict::new();
    dict.set("Artifact", found.artifact.as_str());
    dict.set("Permissions", texts(&found.permissions));
    dict.set("Errors", texts(&found.errors));
    dict.set("Warnings", texts(&found.warnings));
    dict.set(
        "Definitions",
        Dict::from_pairs(
            found
                .definitions
                .iter()
                .map(|known| (known.name.as_str(), describe(known))),
        ),
    );
    let suppressions = found.suppressions.iter();
    dict.set(
        "Suppressions",
        texts(suppressions.map(|own| format!("{}:{}", own.code.as_str(), own.pattern))),
    );
    dict
}

fn describe(definition: &Definition) -> Dict {
    let params = definition.params.as_deref().unwrap_or_default();
    let with_default = params.iter().filter(|(_, has_default)| *has_default);
    let dict = Dict::new();
    dict.set(
        "Type",
        if definition.is_query {
            "query"
        } else {
            "expression"
        },
    );
    dict.set("Name", definition.name.as_str());
    dict.set("Args", texts(params.iter().map(|(name, _)| name)));
    dict.set("Defaults", texts(with_default.map(|(name, _)| name)));
    dict
}

/// A list of texts; NULL when there are none.
fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Value {
    let items: Vec<Value> = items
        .into_iter()
        .map(|item| Value::from(item.to_string()))
        .collect();
    if items.is_empty() {
        Value::Null
    } else {
        Value::array(items)
    }
}
