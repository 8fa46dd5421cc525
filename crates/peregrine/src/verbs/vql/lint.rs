//! `peregrine vql lint`: checks queries and artifacts without running them.

use crate::ide::catalogue;
use crate::ide::document::Document;
use crate::terminal::counted;
use crate::{diagnostics, files, registry};
use anyhow::Context as _;
use peregrine_artifacts::{Origin, is_yaml_file};
use peregrine_vql::Severity;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `vql lint`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Files with VQL, definitions of artifacts (`.yaml`), or folders that contain some; `-` reads VQL from standard input.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// `text` or `json`.
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
    /// A folder with artifact definitions that may be called; may be repeated.
    #[arg(short = 'D', long, value_name = "DIR")]
    definitions: Vec<PathBuf>,
    /// A variable the queries will be given; may be repeated.
    #[arg(long, value_name = "NAME")]
    env: Vec<String>,
    /// Nothing but `--env` will be given: report every name that nothing defines. Definitions are always checked like this.
    #[arg(long)]
    strict: bool,
}

/// A file to check.
struct Input {
    name: String,
    text: String,
    is_definition: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut inputs = Vec::new();
    for path in &args.paths {
        inputs.extend(read(path)?);
    }
    anyhow::ensure!(!inputs.is_empty(), "no `.vql` or `.yaml` files found");
    // All are loaded before any is checked, because they may call each other.
    let repository = registry::repository(&args.definitions)?.child();
    for input in inputs.iter().filter(|input| input.is_definition) {
        // Definitions that cannot be loaded are reported when they are checked.
        let _ = repository.load(&input.text, Origin::BuiltIn);
    }
    let catalogue = catalogue::catalogue(&registry::registry(), &repository);
    let mut around = catalogue::surroundings();
    around.is_open = !args.strict;
    for name in &args.env {
        // `NAME=VALUE`, as for `query`, is also accepted.
        around.add_variable(name.split_once('=').map_or(name.as_str(), |(name, _)| name));
    }
    let mut out = std::io::stdout().lock();
    let (mut entries, mut errors, mut warnings) = (Vec::new(), 0, 0);
    for input in inputs {
        let document = if input.is_definition {
            Document::definition(input.text, &repository)
        } else {
            Document::query(input.text, around.clone())
        };
        let findings = document.findings(&catalogue);
        let count = |severity| {
            findings
                .iter()
                .filter(|finding| finding.severity == severity)
                .count()
        };
        errors += count(Severity::Error);
        warnings += count(Severity::Warning);
        if args.format == "json" {
            let found = findings.iter();
            entries.extend(found.map(|finding| diagnostics::to_json(&input.name, &document.text, finding)));
        } else if !findings.is_empty() {
            writeln!(
                out,
                "{}",
                diagnostics::render(&format!("{}: ", input.name), &document.text, &findings)
            )?;
        }
    }
    let has_error = errors > 0;
    if args.format == "json" {
        writeln!(out, "{}", serde_json::to_string_pretty(&entries)?)?;
    } else {
        let (errors, warnings) = (
            counted(errors as u64, "error"),
            counted(warnings as u64, "warning"),
        );
        writeln!(out, "{errors}, {warnings}")?;
    }
    Ok(if has_error {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Standard input, a file, or the files of a folder.
fn read(path: &Path) -> anyhow::Result<Vec<Input>> {
    if path.as_os_str() == "-" {
        return Ok(vec![Input {
            name: "-".to_owned(),
            text: std::io::read_to_string(std::io::stdin())?,
            is_definition: false,
        }]);
    }
    let is_query = |path: &Path| path.extension().is_some_and(|ending| ending == "vql");
    let files = files::find(path, |path| is_query(path) || is_yaml_file(path))?;
    let read = |path: PathBuf| {
        Ok(Input {
            name: path.display().to_string(),
            text: std::fs::read_to_string(&path).with_context(|| format!("reading `{}`", path.display()))?,
            is_definition: is_yaml_file(&path),
        })
    };
    files.into_iter().map(read).collect()
}
