//! Rows in SQL: applying what came, and reading it back.

use super::record::{Counts, Effect, Outcome, ResultSet, StoredChunk};
use super::{effects, events, sets};
use crate::chunk::Chunk;
use crate::database::RowStore;
use crate::model::Micros;
use crate::sql::{ClientKey, OrgDatabase, Subject, Tx, Value, pieces, values};
use crate::{Error, Result};
use async_trait::async_trait;
use peregrine_base::OrgId;
use peregrine_base::ids::MONITORING;
use std::collections::HashMap;

/// Chunks looked at for one answer.
const MAX_CHUNKS: u64 = 1000;

#[async_trait]
impl RowStore for OrgDatabase {
    async fn apply(&self, client_id: &str, now: Micros, effects: Vec<Effect>) -> Result<Vec<Outcome>> {
        self.write_client(client_id, move |tx, key| effects::apply(tx, key, now, &effects))
            .await
    }

    async fn result_sets(&self, client_id: &str, flow_id: &str) -> Result<Vec<ResultSet>> {
        let flow = flow_id.to_owned();
        self.read_client(client_id, move |tx, key| sets_of(tx, key, &flow))
            .await
    }

    async fn result_sets_of(&self, flows: &[(String, String)]) -> Result<Vec<Vec<ResultSet>>> {
        let flows = flows.to_vec();
        self.read(move |tx, org| {
            let mut found: HashMap<(String, String), Vec<ResultSet>> = HashMap::new();
            for some in pieces(&flows) {
                let pairs: Vec<String> = (0..some.len())
                    .map(|number| format!("(?{}, ?{})", 2 * number + 2, 2 * number + 3))
                    .collect();
                let mut values = vec![Value::from(org)];
                values.extend(some.iter().flat_map(|(client, flow)| [Value::from(client), Value::from(flow)]));
                let statement = format!(
                    "SELECT * FROM result_sets WHERE org_id = ?1 AND (client_id, flow_id) IN (VALUES {}) ORDER BY kind, id",
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

    async fn event_sets(&self, client_id: &str) -> Result<Vec<ResultSet>> {
        self.result_sets(client_id, MONITORING).await
    }

    async fn read_chunks(&self, set: i64, from_row: u64, max_bytes: usize) -> Result<Vec<StoredChunk>> {
        self.read(move |tx, org| read_chunks(tx, org, set, from_row, max_bytes))
            .await
    }

    async fn row_range(&self, set: i64, start: Option<Micros>, end: Option<Micros>) -> Result<(u64, u64)> {
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

    async fn delete_events_before(&self, before: Micros) -> Result<u64> {
        self.write(Subject::Nothing, move |tx, org| {
            events::delete_before(tx, org, before)
        })
        .await
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

fn sets_of(tx: &dyn Tx, key: &ClientKey, flow: &str) -> Result<Vec<ResultSet>> {
    tx.all(
        "SELECT * FROM result_sets WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3 ORDER BY kind, id",
        values![&key.org, &*key.client, flow],
        sets::to_set,
    )
}

/// Where a chunk is, without its data.
struct Place {
    id: i64,
    first_row: u64,
    rows: u64,
    received: Option<Micros>,
    bytes: u64,
}

fn read_chunks(
    tx: &dyn Tx,
    org: &OrgId,
    set: i64,
    from_row: u64,
    max_bytes: usize,
) -> Result<Vec<StoredChunk>> {
    // A number alone says nothing of whose it is.
    let first: Option<i64> = tx.first(
        "SELECT coalesce((SELECT max(first_row) FROM chunks WHERE set_id = ?2 AND first_row <= ?3), 0)
         FROM result_sets WHERE org_id = ?1 AND id = ?2",
        values![org, set, from_row],
        |row| row.take(0),
    )?;
    let Some(first) = first else { return Ok(Vec::new()) };
    // What is small first: a damaged page of one chunk's data must not hide the others.
    let places = tx.all(
        "SELECT id, first_row, row_count, received, length(data) FROM chunks
         WHERE set_id = ?1 AND first_row >= ?2 AND first_row + row_count > ?3 ORDER BY first_row LIMIT ?4",
        values![set, first, from_row, MAX_CHUNKS],
        |row| {
            Ok(Place {
                id: row.take(0)?,
                first_row: row.take(1)?,
                rows: row.take(2)?,
                received: row.take(3)?,
                bytes: row.take(4)?,
            })
        },
    )?;
    let mut bytes = 0;
    let mut wanted: Vec<Place> = Vec::new();
    for place in places {
        if bytes >= max_bytes as u64 {
            break;
        }
        bytes += place.bytes.max(1);
        wanted.push(place);
    }
    let mut chunks = Vec::with_capacity(wanted.len());
    for place in wanted {
        let data = tx.first(
            "SELECT data FROM chunks WHERE id = ?1",
            values![place.id],
            |row| row.take(0),
        );
        let data = match data {
            Ok(Some(data)) => data,
            // It was deleted meanwhile.
            Ok(None) => continue,
            // Empty data is a chunk that cannot be unpacked, and is shown as such.
            Err(Error::Damaged(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        chunks.push(StoredChunk {
            first_row: place.first_row,
            received: place.received,
            chunk: Chunk {
                rows: place.rows,
                data,
            },
        });
    }
    Ok(chunks)
}
