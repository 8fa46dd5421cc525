//! `peregrine artifacts`: list, show, check and collect artifacts.

use super::session::{self, Options, TerminalLog};
use crate::output::{self, Format};
use crate::registry;
use anyhow::Context as _;
use peregrine_artifacts::{Artifact, Repository};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

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
    /// Their names.
    #[arg(required = true)]
    names: Vec<String>,
    /// A parameter, `NAME=VALUE`, or `NAME` for `Y`; may be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    args: Vec<String>,
    /// How rows are printed.
    #[arg(long)]
    format: Option<Format>,
    /// Stop after this many seconds.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// Stop after this many rows.
    #[arg(long, visible_alias = "max_rows", value_name = "N")]
    max_rows: Option<u64>,
    /// Write rows to a file instead of standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Show debug messages of the query.
    #[arg(long)]
    debug: bool,
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
        Verb::Verify { paths } => super::verify::run(&paths),
    }
}

fn find(repository: &Repository, name: &str) -> anyhow::Result<std::sync::Arc<Artifact>> {
    Ok(repository.resolve(name)?)
}

fn list(repository: &Repository, pattern: Option<&str>) -> anyhow::Result<ExitCode> {
    let pattern = pattern.unwrap_or("*").to_lowercase();
    let mut out = std::io::stdout().lock();
    for artifact in repository.all() {
        let is_wanted = matches(&pattern, &artifact.name.to_lowercase());
        if is_wanted && !artifact.sources.is_empty() {
            let first = artifact.description.lines().next().unwrap_or_default();
            writeln!(
                out,
                "{:<40} {:<13} {first}",
                artifact.name,
                artifact.kind.as_str()
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
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
    let timeout = match collect.timeout {
        Some(seconds) => Some(Duration::try_from_secs_f64(seconds).context("--timeout")?),
        None => None,
    };
    let log = TerminalLog::new(collect.debug);
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
        call.push("preconditions=TRUE".to_owned());
        texts.push(format!("SELECT * FROM Artifact.{name}({})", call.join(", ")));
    }
    let (scope, cancellation) = session::open(&Options {
        env,
        timeout,
        log: log.clone(),
        repository,
    });
    let format = collect
        .format
        .unwrap_or_else(|| Format::default_for(collect.output.is_some()));
    let mut writer = output::writer(format, collect.output.as_deref())?;
    let rows = AtomicU64::new(0);
    for text in &texts {
        session::run_text(
            &scope,
            text,
            "the collection",
            writer.as_mut(),
            collect.max_rows,
            &rows,
        )?;
    }
    writer.end()?;
    let was_cut = cancellation.is_cancelled();
    scope.close();
    anyhow::ensure!(
        !was_cut,
        "the collection was stopped after {} seconds (--timeout)",
        collect.timeout.unwrap_or_default()
    );
    Ok(if log.had_error() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
