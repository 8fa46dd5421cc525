//! `reformat()`: formats the VQL of an artifact.

use peregrine_engine::prelude::*;

/// Formats the VQL in the literal blocks of an artifact's YAML and leaves everything else unchanged.
#[derive(VqlArgs)]
pub(super) struct Args {
    /// The definition as YAML.
    artifact: String,
}

pub(super) struct Reformat;

impl Function for Reformat {
    type Args = Args;
    const NAME: &'static str = "reformat";
    const CATEGORY: Category = Category::Utils;
    const EXAMPLES: &'static [Example] = &[example(
        "nothing to lay out",
        "reformat(artifact='name: A')",
        r#"{"Artifact": "name: A", "Error": ""}"#,
    )];

    fn call(_: &Scope, args: Args) -> VqlResult {
        let (text, error) = match crate::reformat(&args.artifact) {
            Ok(text) => (text, String::new()),
            Err(error) => (args.artifact, error.to_string()),
        };
        Ok(Value::Dict(Dict::from_pairs([
            ("Artifact", text),
            ("Error", error),
        ])))
    }
}
