//! The list of running queries in SQL.

use super::record::QueryRecord;
use crate::Result;
use crate::database::QueryStore;
use crate::sql::{OrgDatabase, Subject, values};
use async_trait::async_trait;

#[async_trait]
impl QueryStore for OrgDatabase {
    async fn list_query(&self, query: QueryRecord) -> Result<()> {
        self.write(Subject::Nothing, move |tx, org| {
            tx.execute(
                "INSERT INTO queries (org_id, query_id, server_id, principal, vql, started) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO NOTHING",
                values![
                    org,
                    &query.query_id,
                    &query.server_id,
                    &query.principal,
                    &query.text,
                    query.started
                ],
            )?;
            Ok(())
        })
        .await
    }

    async fn unlist_query(&self, query_id: &str) -> Result<()> {
        let id = query_id.to_owned();
        self.write(Subject::Nothing, move |tx, org| {
            tx.execute(
                "DELETE FROM queries WHERE org_id = ?1 AND query_id = ?2",
                values![org, &id],
            )?;
            Ok(())
        })
        .await
    }

    async fn listed_queries(&self) -> Result<Vec<QueryRecord>> {
        self.read(|tx, org| {
            tx.all(
                "SELECT * FROM queries WHERE org_id = ?1 ORDER BY started, query_id",
                values![org],
                |row| {
                    Ok(QueryRecord {
                        query_id: row.get("query_id")?,
                        server_id: row.get("server_id")?,
                        principal: row.get("principal")?,
                        text: row.get("vql")?,
                        started: row.get("started")?,
                    })
                },
            )
        })
        .await
    }
}
