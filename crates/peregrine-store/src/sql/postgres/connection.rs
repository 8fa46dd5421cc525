//! A connection with its prepared statements.

use super::settings::PostgresSettings;
use super::statement;
use crate::{Error, Result};
use postgres::{Client, Statement};
use std::collections::HashMap;

/// Most statements kept prepared; filtered lists produce more, and then all are dropped.
const MAX_PREPARED: usize = 256;

/// A commit is acknowledged to agents, so it waits for the disk even on a server configured not to.
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Connections for reading cannot write, even by mistake.
const READ_ONLY: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY";

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

pub(super) struct Connection {
    client: Client,
    prepared: HashMap<Box<str>, Statement>,
}

impl Connection {
    /// Connects and signs in.
    pub(super) fn open(settings: &PostgresSettings, access: Access) -> Result<Connection> {
        let named = |error: Error| match error {
            Error::Busy(text) => Error::Busy(format!("{}: {text}", settings.name())),
            Error::Sql(text) => Error::Sql(format!("{}: {text}", settings.name())),
            other => other,
        };
        let mut client = settings.connect().map_err(named)?;
        let encoding: String = client.query_one("SHOW server_encoding", &[])?.try_get(0)?;
        if encoding != "UTF8" {
            return Err(Error::Sql(format!(
                "{}: the database's encoding is `{encoding}`; make one with `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`",
                settings.name()
            )));
        }
        client.batch_execute(match access {
            Access::Read => READ_ONLY,
            Access::Write => DURABLE,
        })?;
        Ok(Connection {
            client,
            prepared: HashMap::new(),
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs statements without parameters or results, one after the other.
    pub(super) fn batch(&mut self, sql: &str) -> Result<()> {
        Ok(self.client.batch_execute(sql)?)
    }

    /// The client together with the statement prepared on it, as both are needed to run it.
    pub(super) fn prepare(&mut self, sql: &str) -> Result<(&mut Client, Statement)> {
        if let Some(known) = self.prepared.get(sql) {
            return Ok((&mut self.client, known.clone()));
        }
        let made = self.client.prepare(&statement::translate(sql))?;
        if self.prepared.len() >= MAX_PREPARED {
            self.prepared.clear();
        }
        self.prepared.insert(sql.into(), made.clone());
        Ok((&mut self.client, made))
    }
}
