//! The data folder of a server, as `user` and `config` name it, and the accounts there.

use crate::embedded_server::user_data;
use anyhow::Context as _;
use peregrine_server::{Accounts, Config, Role};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Arguments that name the folder.
#[derive(clap::Args)]
pub(crate) struct DataFolder {
    /// The data folder of the server; by default `peregrine` in the user's data directory.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    datastore: Option<PathBuf>,
    /// The same, given by the server's configuration file.
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl DataFolder {
    /// The configuration of the server.
    pub(crate) fn config(&self) -> anyhow::Result<Config> {
        if let Some(file) = &self.config {
            return Config::load(file).with_context(|| format!("`{}` (--config)", file.display()));
        }
        let folder = self.path()?;
        Config::find_in(&folder)?.with_context(|| {
            format!(
                "`{}` has no `server.config.yaml`; name the data folder of a server with --datastore, or its configuration with --config",
                folder.display()
            )
        })
    }

    /// The accounts of the server.
    pub(crate) fn accounts(&self) -> anyhow::Result<Accounts> {
        let folder = self.path()?;
        // Files that SQLite creates next to the database would belong to us, and the server could not open
        // them.
        if let Ok(file) = folder.join("peregrine.db").metadata()
            && file.uid() != rustix::process::geteuid().as_raw()
        {
            anyhow::bail!(
                "`{}` belongs to another account (uid {}); run this as that account, as with `sudo -u '#{}' …`",
                folder.display(),
                file.uid(),
                file.uid()
            );
        }
        Ok(Accounts::open(&folder, Config::database_in(&folder)?)?)
    }

    fn path(&self) -> anyhow::Result<PathBuf> {
        Ok(match (&self.datastore, &self.config) {
            (Some(folder), _) => folder.clone(),
            (None, Some(_)) => self.config()?.datastore.location,
            (None, None) => user_data()
                .context("no data directory: set HOME, or name a folder with --datastore")?
                .join("peregrine"),
        })
    }
}

/// The role of this name.
pub(crate) fn parse_role(name: &str) -> Result<Role, String> {
    Role::parse(name).ok_or_else(|| {
        let known: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
        format!("unknown role `{name}`; the roles are {}", known.join(", "))
    })
}
