//! `peregrine user`: accounts of a server, in its data folder; the server may be running.

use crate::data_folder::{DataFolder, parse_role};
use crate::terminal::{self, Style};
use crate::terminal_password;
use anyhow::Context as _;
use clap::Subcommand;
use peregrine_server::{Accounts, Role};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `user`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Add a user.
    Add(Add),
    /// Change a user's password; this ends all sessions of the user.
    Passwd(Passwd),
    /// Give a user more roles.
    Grant(Grant),
    /// Replace the roles of a user.
    Roles(Grant),
    /// List users and their roles.
    List(DataFolder),
}

#[derive(clap::Args)]
struct Add {
    /// The user's name.
    name: String,
    /// Roles, separated by commas.
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',', required = true, value_parser = parse_role)]
    roles: Vec<Role>,
    #[command(flatten)]
    password: Password,
    #[command(flatten)]
    folder: DataFolder,
}

#[derive(clap::Args)]
struct Passwd {
    /// The user's name.
    name: String,
    #[command(flatten)]
    password: Password,
    #[command(flatten)]
    folder: DataFolder,
}

#[derive(clap::Args)]
struct Grant {
    /// The user's name.
    name: String,
    /// Roles, separated by commas.
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',', required = true, value_parser = parse_role)]
    roles: Vec<Role>,
    #[command(flatten)]
    folder: DataFolder,
}

#[derive(clap::Args)]
struct Password {
    /// A file whose first line is the password; `-` for standard input. Without it the terminal is asked.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match args.verb {
            Verb::Add(add) => {
                let accounts = add.folder.accounts()?;
                accounts.check_new(&add.name).await?;
                let password = add.password.read(&add.name)?;
                accounts.add(&add.name, &password, &add.roles).await?;
                println!("user `{}` is added", add.name);
            }
            Verb::Passwd(passwd) => {
                let accounts = passwd.folder.accounts()?;
                accounts.check_known(&passwd.name).await?;
                let password = passwd.password.read(&passwd.name)?;
                accounts.set_password(&passwd.name, &password).await?;
                println!(
                    "user `{}` has a new password; earlier sessions are ended",
                    passwd.name
                );
            }
            Verb::Grant(grant) => {
                let accounts = grant.folder.accounts()?;
                let roles = accounts.grant(&grant.name, &grant.roles).await?;
                tell_roles(&accounts, &grant.name, &roles).await?;
            }
            Verb::Roles(grant) => {
                let accounts = grant.folder.accounts()?;
                let roles = accounts.set_roles(&grant.name, &grant.roles).await?;
                tell_roles(&accounts, &grant.name, &roles).await?;
            }
            Verb::List(folder) => {
                for account in folder.accounts()?.list().await? {
                    let locked = if account.locked { "  locked" } else { "" };
                    println!(
                        "{:<20}  {:<30}  {}{locked}",
                        account.name.escape_debug().to_string(),
                        account.roles.join(","),
                        account.created
                    );
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn tell_roles(accounts: &Accounts, name: &str, roles: &[String]) -> anyhow::Result<()> {
    println!("user `{name}` has the roles {}", roles.join(", "));
    if !accounts.has_administrator().await? {
        terminal::say(
            Style::Warning,
            "nobody who can sign in can manage the server now; `peregrine user grant NAME --role administrator` makes somebody an administrator",
        );
    }
    Ok(())
}

impl Password {
    fn read(&self, user: &str) -> anyhow::Result<String> {
        match &self.password_file {
            Some(file) if file.as_os_str() == "-" => terminal_password::first_line(std::io::stdin().lock()),
            Some(file) => {
                let opened = std::fs::File::open(file)
                    .with_context(|| format!("`{}` (--password-file)", file.display()))?;
                terminal_password::first_line(std::io::BufReader::new(opened))
            }
            None => terminal_password::ask(user),
        }
    }
}
