//! The modules that scripts can load: `math.star`, `json.star` and `time.star`. There are no others, and they
//! are not files.

mod math;
mod time;

use starlark::environment::{FrozenModule, Globals, GlobalsBuilder, LibraryExtension, Module};
use starlark::eval::{Evaluator, FileLoader};
use starlark::syntax::{AstModule, Dialect};

/// Name, exported name, and how that is built from `native` and the standard library.
const MODULES: [(&str, &str, &str); 3] = [
    ("math.star", "math", "exported = native"),
    ("json.star", "json", include_str!("json.star")),
    ("time.star", "time", include_str!("time.star")),
];

/// Loads these modules.
pub(super) struct Library;

impl FileLoader for Library {
    fn load(&self, path: &str) -> starlark::Result<FrozenModule> {
        let Some((_, name, source)) = MODULES.iter().find(|(known, _, _)| *known == path) else {
            return Err(failed(format!(
                "there is no module `{path}`; math.star, json.star and time.star can be loaded"
            )));
        };
        let made = evaluate(path, source)?;
        let exported = made.get("exported").map_err(|error| failed(error.to_string()))?;
        Module::with_temp_heap(|module| {
            let value = module.heap().access_owned_frozen_value(&exported);
            module.set(name, value);
            module.freeze().map_err(|error| failed(format!("{error:?}")))
        })
    }
}

fn evaluate(path: &str, source: &str) -> starlark::Result<FrozenModule> {
    let script = AstModule::parse(path, source.to_owned(), &Dialect::Standard)?;
    Module::with_temp_heap(|module| {
        Evaluator::new(&module).eval_module(script, &globals(path))?;
        module.freeze().map_err(|error| failed(format!("{error:?}")))
    })
}

fn globals(path: &str) -> Globals {
    let extensions = [LibraryExtension::StructType, LibraryExtension::Json];
    let mut globals = GlobalsBuilder::extended_by(&extensions);
    match path {
        "math.star" => globals.namespace("native", |native| {
            native.set("e", std::f64::consts::E);
            native.set("pi", std::f64::consts::PI);
            math::functions(native);
        }),
        _ => globals.namespace("native", time::functions),
    }
    globals.build()
}

fn failed(reason: String) -> starlark::Error {
    starlark::Error::new_other(std::io::Error::other(reason))
}
