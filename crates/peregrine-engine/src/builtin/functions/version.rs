//! `version()`: which version of a function or plugin this is.

use crate::prelude::*;

/// Returns the version of a function or plugin; NULL when none has that name here.
#[derive(VqlArgs)]
pub struct Args {
    /// A function's name.
    function: Option<Str>,
    /// A plugin's name; goes first.
    plugin: Option<Str>,
}

pub struct Version;

impl Function for Version {
    type Args = Args;
    const NAME: &'static str = "version";
    const CATEGORY: Category = Category::Control;
    const EXAMPLES: &'static [Example] = &[
        example("a function", "version(function='timestamp')", "2"),
        example("a plugin", "version(plugin='range')", "0"),
        example("none of that name", "version(function='no_such')", "null"),
        fails(
            "neither",
            "version()",
            "version: one of plugin or function should be specified",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let registry = scope.context().registry();
        let here = |platforms: Platforms| platforms.contains(Platforms::current());
        match (args.plugin, args.function) {
            (Some(name), _) => {
                let def = registry
                    .plugin(&name.as_utf8_lossy())
                    .filter(|def| here(def.platforms));
                Ok(def.map(|def| def.version).into())
            }
            (None, Some(name)) => {
                let def = registry
                    .function(&name.as_utf8_lossy())
                    .filter(|def| here(def.platforms));
                Ok(def.map(|def| def.version).into())
            }
            (None, None) => {
                scope.log_line("version: one of plugin or function should be specified");
                Ok(Value::Int(0))
            }
        }
    }
}
