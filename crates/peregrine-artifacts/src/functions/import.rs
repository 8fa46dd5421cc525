//! `import()`: the definitions an artifact exports.

use crate::Namespace;
use peregrine_engine::Program;
use peregrine_engine::prelude::*;

/// Runs the `export` section of an artifact in the current scope, so that its definitions can be used.
/// Returns the text of the section; empty when there is none.
#[derive(VqlArgs)]
pub(super) struct Args {
    /// The artifact's name.
    artifact: String,
}

pub(super) struct Import;

impl Function for Import {
    type Args = Args;
    const NAME: &'static str = "import";
    const CATEGORY: Category = Category::Utils;
    const EXAMPLES: &'static [Example] = &[not_run(
        "use what an artifact exports",
        "import(artifact='Custom.My.Library')",
    )];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let repository = Namespace::repository_of(scope).ok_or("there are no artifacts here")?;
        let artifact = repository
            .resolve(&args.artifact)
            .map_err(|error| error.to_string())?;
        let Some(export) = &artifact.export else {
            return Ok(Value::from(""));
        };
        artifact.parsed().map_err(|error| error.to_string())?;
        let program = Program::compile(&export.text).map_err(|_| "the export section does not parse")?;
        for statement in program.statements() {
            statement.run(scope, &mut FnSink(|_| Ok(())))?;
        }
        Ok(Value::from(export.text.as_str()))
    }
}
