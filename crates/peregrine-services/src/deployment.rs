//! Checks that configuration and database belong together. One without the other looks like a new installation; treating it as
//! one would silently create keys that no agent knows, or a new administrator over an empty database.

use crate::{Error, Result, Storage};
use peregrine_store::{NatsBus, NatsOptions, NatsServers};
use std::sync::Arc;

/// Name of the setting that holds the deployment's mark.
const SETTING: &str = "deployment";

impl Storage {
    /// Whether a server has used this database before: then it has accounts.
    pub async fn is_used(&self) -> Result<bool> {
        Ok(!self.database.users().await?.is_empty())
    }

    /// Ties the database to the deployment of a configuration, which its `Client.ca_certificate` identifies, and refuses one
    /// of another deployment. An empty database is accepted only if it `may_be_empty`.
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
            // Written by an older version, which set no mark.
            None if self.is_used().await? => Ok(self.database.set_setting(SETTING, &ours).await?),
            _ if may_be_empty => Ok(self.database.set_setting(SETTING, &ours).await?),
            _ => refuse(format!(
                "{database} is empty, but its configuration is not new: clients, collections and accounts are gone; put it back \
                 from a backup, or start once with --new-database to begin with nothing"
            )),
        }
    }

    /// Connects the bus to the deployment's other servers over NATS, if NATS servers are configured. Deployments that share
    /// a NATS server do not see each other's messages.
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

/// Identifies a deployment: a hash of its certificate authority.
fn mark(authority: &str) -> String {
    let digest = peregrine_wire::sha256(authority.trim().as_bytes());
    data_encoding::HEXLOWER.encode(&digest)
}
