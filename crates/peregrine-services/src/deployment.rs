//! That configuration and database belong together. One without the other looks like a new installation; to take it for
//! one would make new keys that no agent knows, or a new administrator over nothing, without a word.

use crate::{Error, Result, Storage};
use peregrine_store::{NatsBus, NatsOptions, NatsServers};
use std::sync::Arc;

/// Name of the setting with the deployment's mark.
const SETTING: &str = "deployment";

impl Storage {
    /// Whether a server worked with this database: then it has accounts.
    pub async fn is_used(&self) -> Result<bool> {
        Ok(!self.database.users().await?.is_empty())
    }

    /// Ties the database to the deployment of a configuration, known by its `Client.ca_certificate`, and refuses one of
    /// another deployment. An empty database is only taken when it `may_be_empty`.
    pub async fn tie_to(&self, authority: &str, may_be_empty: bool) -> Result<()> {
        let ours = mark(authority);
        let found = self.database.setting(SETTING).await?;
        let refuse = |message: String| Err(Error::Config(message));
        let database = &self.database_name;
        match found {
            Some(found) if found == ours => Ok(()),
            Some(_) if self.is_used().await? => refuse(format!(
                "{database} belongs to another deployment than the configuration: its `Client.ca_certificate` is another one; \
                 put the right `server.config.yaml` or the right database there"
            )),
            // Of older programs, which set no mark.
            None if self.is_used().await? => Ok(self.database.set_setting(SETTING, &ours).await?),
            _ if may_be_empty => Ok(self.database.set_setting(SETTING, &ours).await?),
            _ => refuse(format!(
                "{database} is empty, but its configuration is not new: clients, collections and accounts are gone; put it back \
                 from a backup, or start once with --new-database to begin with nothing"
            )),
        }
    }

    /// Hears of what the other servers of this deployment do, and lets them hear, when there are servers for that. Several
    /// deployments may use the same: they hear nothing of each other.
    pub async fn connect_bus(
        &mut self,
        servers: &NatsServers,
        options: &NatsOptions,
        authority: &str,
    ) -> Result<()> {
        if !servers.is_none() {
            self.bus = Arc::new(NatsBus::connect(servers, options, &mark(authority)).await?);
        }
        Ok(())
    }
}

/// The authority of a deployment tells it from others.
fn mark(authority: &str) -> String {
    let digest = peregrine_wire::sha256(authority.trim().as_bytes());
    data_encoding::HEXLOWER.encode(&digest)
}
