//! Rows in SQL: applying packets, and reading rows back.

use super::catalogue::Placed;
use super::record::{Counts, Effect, Outcome, ResultSet, SetId, StoredChunk};
use super::{catalogue, effects, events, read, sets};
use crate::Result;
use crate::database::RowStore;
use crate::flows::completions;
use crate::model::Micros;
use crate::sql::{ClientKey, OrgDatabase, Subject, Tx, Value, pieces, values};
use async_trait::async_trait;
use peregrine_base::ids::MONITORING;
use peregrine_base::{ClientId, FlowId};
use std::collections::HashMap;
use std::sync::Arc;

#[async_trait]
impl RowStore for OrgDatabase {
    async fn apply(&self, client_id: &ClientId, now: Micros, effects: Arc<[Effect]>) -> Result<Vec<Outcome>> {
        let placed = match &self.rows {
            Some(rows) => rows.place(&self.org, now, &effects)?,
            None => Vec::new(),
        };
        let placed = Arc::new(placed);
        let written = write_ahead(self, client_id, &effects, &placed).await;
        let applied = match written {
            Ok(()) => {
                let is_of_server = |effect: &Effect| matches!(effect, Effect::ServerEvents { .. });
                let concerns_server = effects.iter().any(is_of_server);
                let placed = placed.clone();
                let work =
                    move |tx: &dyn Tx, key: &ClientKey| effects::apply(tx, key, now, &effects, &placed);
                if concerns_server {
                    self.write_client_and_server(client_id, work).await
                } else {
                    self.write_client(client_id, work).await
                }
            }
            Err(error) => Err(error),
        };
        if applied.is_err() {
            give_up(self, client_id, placed).await;
        }
        applied
    }

    async fn result_sets(&self, client_id: &ClientId, flow_id: &FlowId) -> Result<Vec<ResultSet>> {
        let flow = flow_id.clone();
        self.read_client(client_id, move |tx, key| sets_of(tx, key, flow.as_str()))
            .await
    }

    async fn result_sets_of(&self, flows: &[(ClientId, FlowId)]) -> Result<Vec<Vec<ResultSet>>> {
        let flows = flows.to_vec();
        self.read(move |tx, org| {
            let mut found: HashMap<(ClientId, FlowId), Vec<ResultSet>> = HashMap::new();
            for some in pieces(&flows) {
                let pairs: Vec<String> = (0..some.len())
                    .map(|number| format!("(?{}, ?{})", 2 * number + 2, 2 * number + 3))
                    .collect();
                let mut values = vec![Value::from(org)];
                values.extend(some.iter().flat_map(|(client, flow)| [Value::from(client), Value::from(flow)]));
                // Not `IN (VALUES …)`, and not `JOIN`: for both SQLite may go through all result sets.
                let statement = format!(
                    "SELECT s.* FROM (SELECT DISTINCT column1 AS client, column2 AS flow FROM (VALUES {}) AS given) AS wanted
                     CROSS JOIN result_sets s WHERE s.org_id = ?1 AND s.client_id = wanted.client AND s.flow_id = wanted.flow
                     ORDER BY s.kind, s.id",
                    pairs.join(", ")
                );
                let rows = tx.all(&statement, &values, |row| {
                    let flow = (row.get("client_id")?, row.get("flow_id")?);
                    Ok((flow, sets::to_set(row)?))
                })?;
                for (flow, set) in rows {
                    found.entry(flow).or_default().push(set);
                }
            }
            Ok(flows
                .iter()
                .map(|flow| found.remove(flow).unwrap_or_default())
                .collect())
        })
        .await
    }

    async fn event_sets(&self, client_id: &ClientId) -> Result<Vec<ResultSet>> {
        self.read_client(client_id, |tx, key| sets_of(tx, key, MONITORING))
            .await
    }

    async fn read_chunks(&self, set: SetId, from_row: u64, max_bytes: usize) -> Result<Vec<StoredChunk>> {
        let found = self
            .read(move |tx, org| read::find_chunks(tx, org, set, from_row, max_bytes))
            .await?;
        let chunks = read::fetch(self, found).await?;
        Ok(chunks.into_iter().map(|(_, chunk)| chunk).collect())
    }

    async fn read_sets(
        &self,
        sets: Vec<SetId>,
        from_row: u64,
        max_bytes: usize,
    ) -> Result<Vec<(SetId, StoredChunk)>> {
        let found = self
            .read(move |tx, org| read::find_chunks_of(tx, org, &sets, from_row, max_bytes))
            .await?;
        read::fetch(self, found).await
    }

    async fn row_range(&self, set: SetId, start: Option<Micros>, end: Option<Micros>) -> Result<(u64, u64)> {
        self.read(move |tx, org| {
            let Some((first_row, end_row)) = tx.first(
                "SELECT first_row, end_row FROM result_sets WHERE org_id = ?1 AND id = ?2",
                values![org, set],
                |row| Ok((row.take(0)?, row.take(1)?)),
            )?
            else {
                return Ok((0, 0));
            };
            let row_at = |at: Micros| -> Result<u64> {
                let found = tx.first(
                    "SELECT first_row FROM chunks WHERE set_id = ?1 AND received >= ?2 AND received IS NOT NULL
                     ORDER BY received, first_row LIMIT 1",
                    values![set, at],
                    |row| row.take(0),
                )?;
                Ok(found.unwrap_or(end_row))
            };
            Ok((
                start.map_or(Ok(first_row), row_at)?,
                end.map_or(Ok(end_row), row_at)?,
            ))
        })
        .await
    }

    async fn events_of(&self, artifact: &str) -> Result<Vec<(ClientId, ResultSet)>> {
        let artifact = artifact.to_owned();
        self.read(move |tx, org| events::of_artifact(tx, org, &artifact))
            .await
    }

    async fn untold_completions(&self, before: Micros, limit: u64) -> Result<Vec<(ClientId, FlowId)>> {
        self.read(move |tx, org| completions::untold(tx, org, before, limit))
            .await
    }

    async fn delete_events_before(&self, before: Micros, after: SetId) -> Result<Option<SetId>> {
        // Looked for without holding up those who write.
        let old = self
            .read(move |tx, org| events::old(tx, org, before, after))
            .await?;
        if old.is_empty() {
            return Ok(None);
        }
        self.write(Subject::Nothing, move |tx, org| {
            events::delete_old(tx, org, before, &old)
        })
        .await
    }

    async fn delete_events(
        &self,
        client_id: &ClientId,
        set: SetId,
        start: Option<Micros>,
        end: Option<Micros>,
    ) -> Result<u64> {
        self.write_client(client_id, move |tx, key| {
            events::delete_between(tx, key, set, (start, end))
        })
        .await
    }

    async fn remove_unused_objects(&self, now: Micros) -> Result<u64> {
        let Some(rows) = &self.rows else { return Ok(0) };
        let mut count = 0;
        // Nearly always nothing is due, and then this costs no write transaction.
        while self.read(move |tx, org| catalogue::has_due(tx, org, now)).await? {
            let due = self
                .write(Subject::Nothing, move |tx, org| catalogue::claim(tx, org, now))
                .await?;
            let (gone, trouble) = rows.remove(due).await;
            count += gone.len() as u64;
            self.write(Subject::Nothing, move |tx, org| catalogue::forget(tx, org, &gone))
                .await?;
            // Objects that could not be removed become due again when the claim expires.
            if let Some(error) = trouble {
                return Err(error);
            }
        }
        Ok(count)
    }

    async fn counts(&self) -> Result<Counts> {
        self.read(|tx, org| {
            let found = tx.first(
                "SELECT (SELECT count(*) FROM clients WHERE org_id = ?1), (SELECT count(*) FROM flows WHERE org_id = ?1 AND state = 1),
                 (SELECT CAST(coalesce(sum(end_row - first_row), 0) AS BIGINT) FROM result_sets WHERE org_id = ?1),
                 (SELECT count(*) FROM clients WHERE org_id = ?1 AND server_id IS NOT NULL)",
                values![org],
                |row| {
                    Ok(Counts {
                        clients: row.take(0)?,
                        flows_running: row.take(1)?,
                        rows: row.take(2)?,
                        online: row.take(3)?,
                    })
                },
            )?;
            Ok(found.unwrap_or_default())
        })
        .await
    }
}

fn sets_of(tx: &dyn Tx, key: &ClientKey, session: &str) -> Result<Vec<ResultSet>> {
    tx.all(
        "SELECT * FROM result_sets WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3 ORDER BY kind, id",
        values![&key.org, &key.client, session],
        sets::to_set,
    )
}

/// Lists the objects of a packet, then writes them.
async fn write_ahead(
    db: &OrgDatabase,
    client_id: &ClientId,
    effects: &[Effect],
    placed: &Arc<Vec<Option<Placed>>>,
) -> Result<()> {
    let Some(rows) = db.rows.as_ref().filter(|_| placed.iter().any(Option::is_some)) else {
        return Ok(());
    };
    let announced = placed.clone();
    db.write_client(client_id, move |tx, key| {
        catalogue::announce(tx, &key.org, announced.iter().flatten())
    })
    .await?;
    rows.write(effects, placed).await
}

/// Hands the objects of a packet that was not stored to the next sweep, which would otherwise wait for an hour.
async fn give_up(db: &OrgDatabase, client_id: &ClientId, placed: Arc<Vec<Option<Placed>>>) {
    if placed.iter().all(Option::is_none) {
        return;
    }
    let given_up = db.write_client(client_id, move |tx, key| {
        catalogue::give_up(tx, &key.org, placed.iter().flatten())
    });
    if let Err(error) = given_up.await {
        tracing::debug!(%error, "objects of a packet that was not stored are removed later");
    }
}
