//! `peregrine query`: VQL on this machine, or on a server.

use crate::registry;
#[cfg(feature = "tools")]
use crate::remote;
use crate::session;
use crate::session::printing::{self, PrintArgs};
use crate::session::stored::StoredArgs;
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `query`.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  peregrine query 'SELECT Pid, Name FROM pslist() LIMIT 5'\n  peregrine query --format csv -f hunt.vql --env Path=/tmp\n  peregrine query -f library.vql -- 'SELECT * FROM MyQuery'"
)]
pub(crate) struct Args {
    /// The queries; they share one scope. `-` reads standard input.
    #[arg(value_name = "VQL", required_unless_present = "files")]
    queries: Vec<String>,
    /// Read queries from files; they run before those of the command line. `-` reads standard input.
    #[arg(short = 'f', long = "from-files", visible_alias = "from_files", value_name = "FILE", num_args = 1..)]
    files: Vec<PathBuf>,
    /// A string variable for the query; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = session::parse_pair)]
    env: Vec<(String, String)>,
    /// A folder with artifact definitions; may be repeated.
    #[arg(short = 'D', long, value_name = "DIR")]
    definitions: Vec<PathBuf>,
    /// Run the queries on a server: the one in this file, which `peregrine config api_client` makes. Without it, the file that the
    /// variable `VELOCIRAPTOR_API_CONFIG` names, unless an option is given that only makes sense on this machine.
    #[cfg(feature = "tools")]
    #[arg(short = 'a', long, visible_alias = "api_config", value_name = "FILE")]
    api_config: Option<PathBuf>,
    #[command(flatten)]
    stored: StoredArgs,
    #[command(flatten)]
    print: PrintArgs,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    #[cfg(feature = "tools")]
    let api_config = args.api_config()?;
    let mut texts = Vec::new();
    for path in &args.files {
        texts.push(read(path)?);
    }
    let count = args.queries.len();
    for (at, text) in args.queries.into_iter().enumerate() {
        texts.push(match text.as_str() {
            "-" => read(Path::new("-"))?,
            _ if count == 1 => ("the query".to_owned(), text),
            _ => (format!("query {}", at + 1), text),
        });
    }
    #[cfg(feature = "tools")]
    if let Some(file) = api_config {
        return remote::run(&file, &args.print, &texts, args.env);
    }
    let repository = registry::repository(&args.definitions)?;
    printing::run(
        &args.print,
        "query",
        &texts,
        args.env,
        repository,
        args.stored.open()?,
    )
}

#[cfg(feature = "tools")]
impl Args {
    /// The file that names the server on which the queries run; `None` for this machine.
    fn api_config(&self) -> anyhow::Result<Option<PathBuf>> {
        let definitions = (!self.definitions.is_empty()).then_some("--definitions");
        let only_here = self.stored.option().or(definitions).or(self.print.only_here());
        match (&self.api_config, only_here) {
            (Some(_), Some(option)) => {
                anyhow::bail!(
                    "{option} and --api-config can not be used together: the queries run on the server"
                )
            }
            (Some(file), None) => Ok(Some(file.clone())),
            (None, Some(_)) => Ok(None),
            (None, None) => {
                let named = std::env::var_os(remote::VARIABLE).filter(|file| !file.is_empty());
                Ok(named.map(PathBuf::from))
            }
        }
    }
}

/// Name and text of a file.
fn read(path: &Path) -> anyhow::Result<(String, String)> {
    if path.as_os_str() == "-" {
        let text = std::io::read_to_string(std::io::stdin()).context("reading standard input")?;
        return Ok(("standard input".to_owned(), text));
    }
    let shown = path.display();
    // A query instead of a file: `-f FILE…` takes all arguments that follow.
    let is_query = !path.exists() && path.to_string_lossy().contains(char::is_whitespace);
    let hint = if is_query {
        "; write `--` between files and queries"
    } else {
        ""
    };
    let text = std::fs::read_to_string(path).with_context(|| format!("reading `{shown}`{hint}"))?;
    Ok((format!("`{shown}`"), text))
}
