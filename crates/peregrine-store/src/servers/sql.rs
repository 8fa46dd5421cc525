//! The list of servers in SQL. A server serves all organisations.

use super::record::ServerRecord;
use crate::Result;
use crate::database::ServerStore;
use crate::sql::{OrgDatabase, Subject, Tx, values};
use async_trait::async_trait;
use peregrine_base::{ClientId, OrgId};
use std::collections::HashMap;

/// Clients released per transaction.
const RELEASE_BATCH: i64 = 1000;

#[async_trait]
impl ServerStore for OrgDatabase {
    fn is_shared(&self) -> bool {
        self.is_server()
    }

    async fn join_servers(&self, server: ServerRecord) -> Result<bool> {
        self.write(Subject::Nothing, move |tx, _| {
            let made = tx.execute(
                "INSERT INTO servers (server_id, host, started, beat, is_local, is_gone) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO NOTHING",
                values![
                    &server.server_id,
                    &server.host,
                    server.started,
                    server.beat,
                    server.is_local,
                    false
                ],
            )?;
            Ok(made > 0)
        })
        .await
    }

    async fn servers(&self) -> Result<Vec<ServerRecord>> {
        self.read(|tx, _| {
            tx.all("SELECT * FROM servers ORDER BY started, server_id", &[], |row| {
                Ok(ServerRecord {
                    server_id: row.get("server_id")?,
                    host: row.get("host")?,
                    started: row.get("started")?,
                    beat: row.get("beat")?,
                    is_local: row.get("is_local")?,
                })
            })
        })
        .await
    }

    async fn clients_of_servers(&self) -> Result<HashMap<String, u64>> {
        self.read(|tx, _| {
            let counts = tx.all(
                "SELECT server_id, count(*) FROM clients WHERE server_id IS NOT NULL GROUP BY server_id",
                &[],
                |row| Ok((row.take(0)?, row.take(1)?)),
            )?;
            Ok(counts.into_iter().collect())
        })
        .await
    }

    async fn beat(&self, server_id: &str) -> Result<bool> {
        let id = server_id.to_owned();
        self.write(Subject::Nothing, move |tx, _| beat(tx, &id)).await
    }

    async fn take_duty(&self, name: &str, server_id: &str) -> Result<bool> {
        let (name, id) = (name.to_owned(), server_id.to_owned());
        let (held_name, held_id) = (name.clone(), id.clone());
        let has_it = self.read(move |tx, org| {
            tx.one(
                "SELECT EXISTS (SELECT 1 FROM duties d JOIN servers s ON s.server_id = d.server_id AND NOT s.is_gone
                 WHERE d.org_id = ?1 AND d.name = ?2 AND d.server_id = ?3)",
                values![org, &held_name, &held_id],
            )
        });
        if has_it.await? {
            return Ok(true);
        }
        self.write(Subject::Nothing, move |tx, org| {
            let taken = tx.execute(
                "INSERT INTO duties (org_id, name, server_id)
                 SELECT ?1, ?2, server_id FROM servers WHERE server_id = ?3 AND NOT is_gone
                 ON CONFLICT (org_id, name) DO UPDATE SET server_id = excluded.server_id
                 WHERE NOT EXISTS (SELECT 1 FROM servers s WHERE s.server_id = duties.server_id AND NOT s.is_gone)",
                values![org, &name, &id],
            )?;
            Ok(taken > 0)
        })
        .await
    }

    async fn leave_servers(&self, server_id: &str) -> Result<Vec<ClientId>> {
        let id = server_id.to_owned();
        // From now on the server cannot take clients. If we crash halfway it stays on the list, and another server
        // finishes this.
        self.write(Subject::Nothing, move |tx, _| {
            tx.execute("DELETE FROM queries WHERE server_id = ?1", values![&id])?;
            tx.execute(
                "UPDATE servers SET is_gone = ?2 WHERE server_id = ?1",
                values![&id, true],
            )
        })
        .await?;
        let mut clients = Vec::new();
        loop {
            let id = server_id.to_owned();
            let some = self
                .write(Subject::Nothing, move |tx, _| release_clients(tx, &id))
                .await?;
            if some.is_empty() {
                return Ok(clients);
            }
            clients.extend(some);
        }
    }
}

/// Records a sign of life; false if the other servers have given this one up.
pub(crate) fn beat(tx: &dyn Tx, server_id: &str) -> Result<bool> {
    let found = tx.execute(
        "UPDATE servers SET beat = beat + 1 WHERE server_id = ?1 AND NOT is_gone",
        values![server_id],
    )?;
    Ok(found > 0)
}

/// Releases some clients of a server; takes it off the list if it has none left.
fn release_clients(tx: &dyn Tx, server_id: &str) -> Result<Vec<ClientId>> {
    let clients: Vec<(OrgId, ClientId)> = tx.all(
        "SELECT org_id, client_id FROM clients WHERE server_id = ?1 ORDER BY org_id, client_id LIMIT ?2",
        values![server_id, RELEASE_BATCH],
        |row| Ok((row.take(0)?, row.take(1)?)),
    )?;
    for (org, client) in &clients {
        tx.execute(
            "UPDATE clients SET server_id = NULL, held_session = NULL, held_since = NULL
             WHERE org_id = ?1 AND client_id = ?2 AND server_id = ?3",
            values![org, client, server_id],
        )?;
    }
    if clients.is_empty() {
        tx.execute(
            "DELETE FROM servers WHERE server_id = ?1 AND is_gone",
            values![server_id],
        )?;
    }
    Ok(clients.into_iter().map(|(_, client)| client).collect())
}
