//! `peregrine artifacts`: list, show, check and collect artifacts.

use crate::registry;
use crate::session::printing::{self, PrintArgs};
use peregrine_artifacts::{Artifact, Repository};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `artifacts`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
    /// A folder with artifact definitions; may be repeated.
    #[arg(short = 'D', long, global = true, value_name = "DIR")]
    definitions: Vec<PathBuf>,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Names and what they collect.
    List {
        /// Only names that match; `*` stands for anything.
        pattern: Option<String>,
    },
    /// The definition of an artifact.
    Show {
        /// Its name.
        name: String,
    },
    /// Collect artifacts on this machine, printing rows as they come.
    Collect(Collect),
    /// Check definitions in files or folders.
    Verify {
        /// Files or folders.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
}

#[derive(clap::Args)]
struct Collect {
    /// Their names; `NAME/SOURCE` for one source.
    #[arg(required = true)]
    names: Vec<String>,
    /// A parameter, `NAME=VALUE`, or `NAME` for `Y`; may be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    args: Vec<String>,
    #[command(flatten)]
    print: PrintArgs,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let repository = registry::repository(&args.definitions)?;
    match args.verb {
        Verb::List { pattern } => list(&repository, pattern.as_deref()),
        Verb::Show { name } => {
            let artifact = find(&repository, &name)?;
            std::io::stdout().lock().write_all(artifact.raw.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Collect(collect) => run_collect(repository, &collect),
        Verb::Verify { paths } => super::verify::run(&paths, &repository),
    }
}

fn find(repository: &Repository, name: &str) -> anyhow::Result<std::sync::Arc<Artifact>> {
    Ok(repository.resolve(name)?)
}

/// Prints what matches. Nothing is an error, as it is for grep, so that scripts notice a mistyped pattern.
fn list(repository: &Repository, wanted: Option<&str>) -> anyhow::Result<ExitCode> {
    let wanted = wanted.unwrap_or("*");
    let pattern = wanted.to_lowercase();
    let mut is_empty = true;
    let mut out = std::io::stdout().lock();
    for artifact in repository.all() {
        let is_wanted = matches(&pattern, &artifact.name.to_lowercase());
        if is_wanted && !artifact.sources.is_empty() {
            is_empty = false;
            let first = first_sentence(&artifact.description);
            writeln!(
                out,
                "{:<40} {:<13} {first}",
                artifact.name,
                artifact.kind.as_str()
            )?;
        }
    }
    if is_empty {
        let advice = if wanted.contains('*') {
            String::new()
        } else {
            format!("; `*` stands for anything, as in `*{wanted}*`")
        };
        anyhow::bail!("no artifact matches `{wanted}`{advice}");
    }
    Ok(ExitCode::SUCCESS)
}

/// The first sentence, on one line.
fn first_sentence(description: &str) -> String {
    let paragraph: Vec<&str> = description
        .lines()
        .map(str::trim)
        .skip_while(|line| line.is_empty())
        .take_while(|line| !line.is_empty())
        .collect();
    let text = paragraph.join(" ");
    match text.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => text,
    }
}

/// Whole-name match where `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn run_collect(repository: Repository, collect: &Collect) -> anyhow::Result<ExitCode> {
    let mut env = Vec::new();
    let mut texts = Vec::new();
    for name in &collect.names {
        let artifact = find(&repository, name)?;
        let mut call = Vec::new();
        for (number, arg) in collect.args.iter().enumerate() {
            let (parameter, value) = arg.split_once('=').unwrap_or((arg, "Y"));
            let known = artifact.parameter(parameter).is_some();
            anyhow::ensure!(
                known || collect.names.len() > 1,
                "`{name}` has no parameter `{parameter}`; it has: {}",
                artifact
                    .parameters
                    .iter()
                    .map(|p| p.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            );
            if known {
                let variable = format!("PeregrineArg{number}");
                call.push(format!("`{parameter}`={variable}"));
                env.push((variable, value.to_owned()));
            }
        }
        let path = match name.split_once('/') {
            None => name,
            Some((path, source)) => {
                let variable = format!("PeregrineSource{}", texts.len());
                call.push(format!("source={variable}"));
                env.push((variable, source.to_owned()));
                path
            }
        };
        call.push("preconditions=TRUE".to_owned());
        let text = format!("SELECT * FROM Artifact.{path}({})", call.join(", "));
        texts.push((format!("the call of `{name}`"), text));
    }
    printing::run(&collect.print, "collection", &texts, env, repository, None)
}
