//! `peregrine config`: files made from the configuration of a server.

use crate::data_folder::{DataFolder, parse_role};
use crate::terminal::{self, Style};
use anyhow::Context as _;
use clap::Subcommand;
use peregrine_server::Role;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `config`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Make a file with which a program uses the gRPC API of the server on behalf of a user.
    ///
    /// It holds a certificate for the user, valid for a year, and its key: whoever has the file may do what the user may. A user who
    /// is new has no password, and so cannot sign in.
    #[command(name = "api_client", visible_alias = "api-client")]
    ApiClient(ApiClient),
}

#[derive(clap::Args)]
struct ApiClient {
    /// The user's name.
    #[arg(long)]
    name: String,
    /// Roles that the user is given, separated by commas; `api` may query and read results.
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',', value_parser = parse_role)]
    roles: Vec<Role>,
    /// Replace the file if it exists.
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    folder: DataFolder,
    /// The file to write.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Verb::ApiClient(args) = args.verb;
    let config = args.folder.config()?;
    // Before the file is written: an authority may be kept apart from the server, but then nobody can be given roles.
    let accounts = match args.folder.accounts() {
        Ok(accounts) => Some(accounts),
        Err(_) if args.roles.is_empty() => None,
        Err(error) => return Err(error.context("no roles can be given (--role)")),
    };
    config.write_api_client(&args.name, &args.file, args.overwrite)?;
    println!(
        "`{}` lets programs act as user `{}`",
        args.file.display(),
        args.name
    );
    let mut roles = Vec::new();
    if let Some(accounts) = accounts {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        roles = runtime
            .block_on(accounts.grant_or_add(&args.name, &args.roles))
            .with_context(|| format!("`{}` is written, but the user has no roles", args.file.display()))?;
    }
    if roles.is_empty() {
        terminal::say(
            Style::Warning,
            &format!(
                "user `{}` has no roles and may do nothing yet; `peregrine user grant {} --role api` gives one",
                args.name, args.name
            ),
        );
    } else {
        println!("user `{}` has the roles {}", args.name, roles.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}
