//! `peregrine vql lint`: what is wrong with queries, without running them.

use crate::registry;
use anyhow::Context as _;
use peregrine_artifacts::verify::{self, Catalogue as _, LanguageCatalogue};
use peregrine_engine::prelude::{ArgSpec, Registry};
use peregrine_vql::{Diagnostic, Severity};
use peregrine_vql_ide::{Argument, Callable, Catalogue, lint};
use serde_json::json;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Checks files; `-` is standard input.
pub(super) fn run(files: &[PathBuf], format: &str) -> anyhow::Result<ExitCode> {
    let catalogue = Known(registry::registry());
    let mut out = std::io::stdout().lock();
    let (mut entries, mut errors, mut warnings) = (Vec::new(), 0, 0);
    for path in files {
        let text = if path.as_os_str() == "-" {
            std::io::read_to_string(std::io::stdin())?
        } else {
            std::fs::read_to_string(path).with_context(|| format!("reading `{}`", path.display()))?
        };
        for finding in lint(&text, &catalogue) {
            match finding.severity {
                Severity::Error => errors += 1,
                Severity::Warning => warnings += 1,
            }
            if format == "json" {
                entries.push(entry(path, &finding));
            } else {
                writeln!(out, "{}: {}", path.display(), finding.render(&text))?;
            }
        }
    }
    if format == "json" {
        writeln!(out, "{}", serde_json::to_string_pretty(&entries)?)?;
    } else {
        writeln!(out, "{errors} errors, {warnings} warnings")?;
    }
    Ok(if errors > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn entry(path: &Path, finding: &Diagnostic) -> serde_json::Value {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    json!({
        "file": path.to_string_lossy(), "code": finding.code, "severity": severity, "message": finding.message,
        "line": finding.line, "column": finding.column, "start": finding.span.start, "end": finding.span.end,
        "help": finding.help,
    })
}

/// What this program has, then the rest of the language.
struct Known(Arc<Registry>);

impl Catalogue for Known {
    fn function(&self, name: &str) -> Option<Callable> {
        let ours = self.0.function(name).map(|def| callable(def.args));
        ours.or_else(|| LanguageCatalogue.function(name).map(missing))
    }

    fn plugin(&self, name: &str) -> Option<Callable> {
        let ours = self.0.plugin(name).map(|def| callable(def.args));
        ours.or_else(|| LanguageCatalogue.plugin(name).map(missing))
    }

    fn function_names(&self) -> Vec<String> {
        self.0.functions().map(|def| def.name.to_owned()).collect()
    }

    fn plugin_names(&self) -> Vec<String> {
        self.0.plugins().map(|def| def.name.to_owned()).collect()
    }
}

fn callable(args: &[ArgSpec]) -> Callable {
    let named = args.iter().filter(|arg| !arg.rest);
    Callable {
        args: named
            .map(|arg| Argument {
                name: arg.name.to_owned(),
                // Lists convert each element in their own way.
                type_name: if arg.repeated {
                    String::new()
                } else {
                    arg.type_name.to_owned()
                },
                required: arg.required,
            })
            .collect(),
        free_form: args.iter().any(|arg| arg.rest),
        is_missing: false,
    }
}

fn missing(callable: verify::Callable) -> Callable {
    let args = callable.args.into_iter();
    Callable {
        args: args
            .map(|(name, required)| Argument {
                name,
                type_name: String::new(),
                required,
            })
            .collect(),
        free_form: callable.free_form,
        is_missing: true,
    }
}
