//! The handle on one organisation's data, which all domain operations are implemented on.

use super::{Engine, Next, Subject, Tx};
use crate::Result;
use crate::rows::RowObjects;
use peregrine_base::{ClientId, OrgId};
use std::sync::Arc;

/// [`crate::Database`] of one organisation, in either SQL database.
#[derive(Debug, Clone)]
pub struct OrgDatabase {
    engine: Arc<Engine>,
    pub(crate) org: OrgId,
    /// Objects for large chunks, if they are not kept in the database.
    pub(crate) rows: Option<RowObjects>,
}

/// A client of an organisation: the key of nearly every statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ClientKey {
    pub(crate) org: OrgId,
    pub(crate) client: ClientId,
}

impl ClientKey {
    /// The pseudo-client `server` of the same organisation.
    pub(crate) fn of_server(&self) -> ClientKey {
        ClientKey {
            org: self.org.clone(),
            client: ClientId::server(),
        }
    }
}

impl OrgDatabase {
    pub(super) fn new(engine: Arc<Engine>, org: OrgId, rows: Option<RowObjects>) -> OrgDatabase {
        OrgDatabase { engine, org, rows }
    }

    fn key(&self, client_id: &ClientId) -> ClientKey {
        ClientKey {
            org: self.org.clone(),
            client: client_id.clone(),
        }
    }

    /// Changes data of one client; such writes for the same client run one after the other.
    pub(crate) async fn write_client<T: Send + 'static>(
        &self,
        client_id: &ClientId,
        mut work: impl FnMut(&dyn Tx, &ClientKey) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let key = self.key(client_id);
        self.engine
            .write(Subject::Client(key.clone()), move |tx| work(tx, &key))
            .await
    }

    /// Changes data of one client and of the pseudo-client `server`.
    pub(crate) async fn write_client_and_server<T: Send + 'static>(
        &self,
        client_id: &ClientId,
        mut work: impl FnMut(&dyn Tx, &ClientKey) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let key = self.key(client_id);
        self.engine
            .write(Subject::ClientAndServer(key.clone()), move |tx| work(tx, &key))
            .await
    }

    /// Reads data of one client.
    pub(crate) async fn read_client<T: Send + 'static>(
        &self,
        client_id: &ClientId,
        mut work: impl FnMut(&dyn Tx, &ClientKey) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let key = self.key(client_id);
        self.engine.read(move |tx| work(tx, &key)).await
    }

    /// Changes data of the organisation, or of all of them.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        subject: Subject,
        mut work: impl FnMut(&dyn Tx, &OrgId) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let org = self.org.clone();
        self.engine.write(subject, move |tx| work(tx, &org)).await
    }

    /// Reads data of the organisation, or of all of them.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&dyn Tx, &OrgId) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let org = self.org.clone();
        self.engine.read(move |tx| work(tx, &org)).await
    }

    /// Whether the database is on a server rather than in this process.
    pub(crate) fn is_server(&self) -> bool {
        matches!(*self.engine, Engine::Postgres(_))
    }

    pub(crate) async fn checkpoint_engine(&self) -> Result<()> {
        self.engine.checkpoint().await
    }

    /// Limits a SQLite file to `pages` pages, to test what happens when the disk is full.
    #[doc(hidden)]
    pub async fn limit_pages(&self, pages: u32) -> Result<()> {
        let statement = format!("PRAGMA max_page_count = {pages}");
        self.engine
            .write(Subject::Nothing, move |tx| {
                tx.query(&statement, &[], &mut |_| Ok(Next::Enough))
            })
            .await
    }
}
