//! `peregrine golden`: snapshot tests for query authors.

mod case;
mod clock;
mod diff;
mod filestore;
mod mock;
mod snapshot;

use crate::registry;
use crate::session;
use anyhow::Context as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Arguments of `golden`.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  peregrine golden --update tests/\n  peregrine golden tests/processes.in.yaml"
)]
pub(crate) struct Args {
    /// Files named `NAME.in.yaml`, or folders that contain some.
    #[arg(required = true, value_name = "FILE_OR_DIR")]
    paths: Vec<PathBuf>,
    /// A string variable for the queries; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = session::parse_pair)]
    env: Vec<(String, String)>,
    /// A folder with artifact definitions; may be repeated.
    #[arg(short = 'D', long, value_name = "DIR")]
    definitions: Vec<PathBuf>,
    /// Write the results as JSON: an array of {query, output, error, logs}.
    #[arg(long, value_name = "OUT.json")]
    results: Option<PathBuf>,
    /// Make the results the expectation.
    #[arg(long)]
    update: bool,
    /// Stop the queries of a file after this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    timeout: f64,
}

const INPUT_ENDING: &str = ".in.yaml";

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let is_input = |path: &Path| path.to_string_lossy().ends_with(INPUT_ENDING);
    let mut files = Vec::new();
    for path in &args.paths {
        files.extend(crate::files::find(path, is_input)?);
    }
    anyhow::ensure!(!files.is_empty(), "no `*{INPUT_ENDING}` files found");
    let settings = case::Settings {
        env: args.env,
        repository: registry::repository(&args.definitions)?,
        timeout: Duration::try_from_secs_f64(args.timeout).context("--timeout")?,
    };
    let mut all = Vec::new();
    let mut failed = false;
    for file in &files {
        let results = case::run(file, &settings).with_context(|| format!("`{}`", file.display()))?;
        let text = snapshot::render(&results);
        let verdict = judge(file, &text, args.update, args.results.is_some())?;
        failed |= verdict == Verdict::Failed;
        all.extend(results.iter().map(snapshot::to_json));
    }
    if let Some(path) = &args.results {
        let text = serde_json::to_string_pretty(&all)?;
        std::fs::write(path, text + "\n").with_context(|| format!("writing `{}`", path.display()))?;
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

#[derive(PartialEq)]
enum Verdict {
    Fine,
    Failed,
}

/// Compares the result with the expectation, or replaces the expectation.
fn judge(input: &Path, text: &str, update: bool, wants_results: bool) -> anyhow::Result<Verdict> {
    let expectation = expectation_of(input);
    let shown = expectation.display();
    let expected = match std::fs::read_to_string(&expectation) {
        Ok(expected) => Some(expected),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("reading `{shown}`")),
    };
    let mut out = std::io::stdout().lock();
    if expected.as_deref() == Some(text) {
        writeln!(out, "ok       {}", input.display())?;
        return Ok(Verdict::Fine);
    }
    if update {
        std::fs::write(&expectation, text).with_context(|| format!("writing `{shown}`"))?;
        writeln!(out, "updated  {}", input.display())?;
        return Ok(Verdict::Fine);
    }
    let Some(expected) = expected else {
        writeln!(
            out,
            "new      {}: no `{shown}`; `--update` writes it",
            input.display()
        )?;
        // A user who only wants the results may have no expectation.
        return Ok(if wants_results {
            Verdict::Fine
        } else {
            Verdict::Failed
        });
    };
    writeln!(out, "FAILED   {}", input.display())?;
    write!(
        out,
        "{}",
        diff::unified(&expected, text, &shown.to_string(), "results")
    )?;
    Ok(Verdict::Failed)
}

/// `NAME.in.yaml` → `NAME.out.yaml`.
fn expectation_of(input: &Path) -> PathBuf {
    let name = input.file_name().unwrap_or_default().to_string_lossy();
    let stem = name
        .strip_suffix(INPUT_ENDING)
        .or_else(|| name.strip_suffix(".yaml"))
        .unwrap_or(&name);
    input.with_file_name(format!("{stem}.out.yaml"))
}
