//! `peregrine query`: VQL on this machine.

use super::session::{self, Options, TerminalLog};
use crate::output::{self, Format};
use crate::registry;
use anyhow::Context as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Arguments of `query`.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  peregrine query 'SELECT Pid, Name FROM pslist() LIMIT 5'\n  peregrine query --format csv -f hunt.vql --env Path=/tmp"
)]
pub(crate) struct Args {
    /// The queries; they share one scope.
    #[arg(value_name = "VQL", required_unless_present = "files")]
    queries: Vec<String>,
    /// Read queries from files.
    #[arg(short = 'f', long = "from-files", visible_alias = "from_files", value_name = "FILE", num_args = 1..)]
    files: Vec<PathBuf>,
    /// How rows are printed: a table on a terminal and JSON lines otherwise.
    #[arg(long)]
    format: Option<Format>,
    /// A string variable for the query; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = session::parse_pair)]
    env: Vec<(String, String)>,
    /// A folder with artifact definitions; may be repeated.
    #[arg(short = 'D', long, value_name = "DIR")]
    definitions: Vec<PathBuf>,
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
    let mut texts: Vec<(String, String)> = args
        .queries
        .into_iter()
        .map(|text| ("the query".to_owned(), text))
        .collect();
    for path in &args.files {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading `{}`", path.display()))?;
        texts.push((format!("`{}`", path.display()), text));
    }
    let timeout = match args.timeout {
        Some(seconds) => Some(Duration::try_from_secs_f64(seconds).context("--timeout")?),
        None => None,
    };
    let log = TerminalLog::new(args.debug);
    let repository = registry::repository(&args.definitions)?;
    let (scope, cancellation) = session::open(&Options {
        env: args.env,
        timeout,
        log: log.clone(),
        repository,
    });
    let format = args
        .format
        .unwrap_or_else(|| Format::default_for(args.output.is_some()));
    let mut writer = output::writer(format, args.output.as_deref())?;
    let rows = AtomicU64::new(0);
    for (name, text) in &texts {
        session::run_text(&scope, text, name, writer.as_mut(), args.max_rows, &rows)?;
    }
    writer.end()?;
    let was_cut = cancellation.is_cancelled();
    scope.close();
    if was_cut {
        anyhow::bail!(
            "the query was stopped after {} seconds (--timeout)",
            args.timeout.unwrap_or_default()
        );
    }
    if args
        .max_rows
        .is_some_and(|limit| rows.load(Ordering::Relaxed) >= limit)
    {
        anyhow::bail!(
            "the query was stopped after {} rows (--max-rows)",
            rows.load(Ordering::Relaxed)
        );
    }
    Ok(if log.had_error() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
