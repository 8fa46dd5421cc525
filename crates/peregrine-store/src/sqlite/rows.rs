//! Reading rows back, and forgetting old ones.

use super::SqliteDatabase;
use super::clients::clip;
use super::flows::MAX_ASKED;
use super::packet;
use crate::chunk::Chunk;
use crate::database::RowStore;
use crate::model::{Counts, Effect, Micros, Outcome, ResultSet, SetKind, StoredChunk};
use crate::{Error, Result};
use async_trait::async_trait;
use peregrine_base::ids::MONITORING;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use std::collections::HashMap;

#[async_trait]
impl RowStore for SqliteDatabase {
    async fn apply(&self, client_id: &str, now: Micros, effects: Vec<Effect>) -> Result<Vec<Outcome>> {
        let client = client_id.to_owned();
        self.write(move |sql| packet::apply(sql, &client, now, effects))
            .await
    }

    async fn result_sets(&self, client_id: &str, flow_id: &str) -> Result<Vec<ResultSet>> {
        let ids = [client_id.to_owned(), flow_id.to_owned()];
        self.read(move |sql| sets(sql, &ids)).await
    }

    async fn result_sets_of(&self, flows: &[(String, String)]) -> Result<Vec<Vec<ResultSet>>> {
        let flows = flows.to_vec();
        self.read(move |sql| {
            let mut found: HashMap<(String, String), Vec<ResultSet>> = HashMap::new();
            for some in flows.chunks(MAX_ASKED) {
                let places = vec!["(?, ?)"; some.len()].join(", ");
                let mut statement = sql.prepare(&format!(
                    "SELECT * FROM result_sets WHERE (client_id, flow_id) IN (VALUES {places}) ORDER BY kind, id"
                ))?;
                let ids = some.iter().flat_map(|(client, flow)| [client, flow]);
                let mut rows = statement.query(params_from_iter(ids))?;
                while let Some(row) = rows.next()? {
                    let flow = (row.get("client_id")?, row.get("flow_id")?);
                    found.entry(flow).or_default().push(to_set(row)?);
                }
            }
            Ok(flows.iter().map(|flow| found.remove(flow).unwrap_or_default()).collect())
        })
        .await
    }

    async fn event_sets(&self, client_id: &str) -> Result<Vec<ResultSet>> {
        self.result_sets(client_id, MONITORING).await
    }

    async fn read_chunks(&self, set: i64, from_row: u64, max_bytes: usize) -> Result<Vec<StoredChunk>> {
        self.read(move |sql| {
            let first: Option<i64> = sql
                .prepare_cached(
                    "SELECT first_row FROM chunks WHERE set_id = ?1 AND first_row <= ?2 ORDER BY first_row DESC LIMIT 1",
                )?
                .query_row(params![set, clip(from_row)], |row| row.get(0))
                .optional()?;
            // What is small first: a damaged page of one chunk's data must not hide the others.
            let mut statement = sql.prepare_cached(
                "SELECT first_row, row_count, received, id FROM chunks
                 WHERE set_id = ?1 AND first_row >= ?2 AND first_row + row_count > ?3 ORDER BY first_row",
            )?;
            let mut data_of = sql.prepare_cached("SELECT data FROM chunks WHERE id = ?1")?;
            let mut rows = statement.query(params![set, first.unwrap_or(0), clip(from_row)])?;
            let (mut chunks, mut bytes) = (Vec::new(), 0);
            while bytes < max_bytes {
                let Some(row) = rows.next()? else { break };
                let data = data_of
                    .query_row([row.get::<_, i64>(3)?], |row| row.get::<_, Vec<u8>>(0))
                    .map_err(Error::from);
                let data = match data {
                    Ok(data) => data,
                    // Empty data is a chunk that cannot be unpacked, and is shown as such.
                    Err(Error::Damaged(_) | Error::NotFound { .. }) => Vec::new(),
                    Err(error) => return Err(error),
                };
                bytes += data.len().max(1);
                chunks.push(StoredChunk {
                    first_row: row.get::<_, i64>(0)?.unsigned_abs(),
                    received: row.get(2)?,
                    chunk: Chunk { rows: row.get::<_, i64>(1)?.unsigned_abs(), data },
                });
            }
            Ok(chunks)
        })
        .await
    }

    async fn row_range(&self, set: i64, start: Option<Micros>, end: Option<Micros>) -> Result<(u64, u64)> {
        self.read(move |sql| {
            let bound = |at: Option<Micros>, otherwise: &str| -> Result<u64> {
                let found: Option<i64> = match at {
                    Some(at) => sql
                        .prepare_cached(
                            "SELECT first_row FROM chunks WHERE set_id = ?1 AND received >= ?2 AND received IS NOT NULL
                             ORDER BY received, first_row LIMIT 1",
                        )?
                        .query_row([set, at], |row| row.get(0))
                        .optional()?,
                    None => None,
                };
                let column = match (at, found) {
                    (_, Some(row)) => return Ok(row.unsigned_abs()),
                    (Some(_), None) => "end_row",
                    (None, None) => otherwise,
                };
                let row: Option<i64> = sql
                    .prepare_cached(&format!("SELECT {column} FROM result_sets WHERE id = ?1"))?
                    .query_row([set], |row| row.get(0))
                    .optional()?;
                Ok(row.unwrap_or(0).unsigned_abs())
            };
            Ok((bound(start, "first_row")?, bound(end, "end_row")?))
        })
        .await
    }

    async fn delete_events_before(&self, before: Micros) -> Result<u64> {
        self.write(move |sql| {
            let count: i64 = sql.query_row(
                "SELECT coalesce(sum(row_count), 0) FROM chunks WHERE received < ?1 AND received IS NOT NULL",
                [before],
                |row| row.get(0),
            )?;
            sql.execute(
                "DELETE FROM chunks WHERE received < ?1 AND received IS NOT NULL",
                [before],
            )?;
            sql.execute(
                "UPDATE result_sets SET (first_row, first_received) =
                   (SELECT coalesce(min(first_row), result_sets.end_row), min(received) FROM chunks
                    WHERE set_id = result_sets.id)
                 WHERE kind >= 2 AND first_received < ?1",
                [before],
            )?;
            Ok(count.unsigned_abs())
        })
        .await
    }

    async fn counts(&self) -> Result<Counts> {
        self.read(|sql| {
            let counts = sql.query_row(
                "SELECT (SELECT count(*) FROM clients), (SELECT count(*) FROM flows WHERE state = 1),
                 (SELECT coalesce(sum(end_row - first_row), 0) FROM result_sets)",
                [],
                |row| Ok([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?]),
            )?;
            let [clients, flows_running, rows] = counts.map(i64::unsigned_abs);
            Ok(Counts {
                clients,
                flows_running,
                rows,
            })
        })
        .await
    }
}

fn sets(sql: &Connection, ids: &[String; 2]) -> Result<Vec<ResultSet>> {
    let mut statement = sql.prepare_cached(
        "SELECT * FROM result_sets WHERE client_id = ?1 AND flow_id = ?2 ORDER BY kind, id",
    )?;
    let sets = statement
        .query_map(ids.each_ref(), to_set)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(sets)
}

fn to_set(row: &Row<'_>) -> rusqlite::Result<ResultSet> {
    let first: Option<Micros> = row.get("first_received")?;
    let last: Option<Micros> = row.get("last_received")?;
    Ok(ResultSet {
        id: row.get("id")?,
        kind: match row.get::<_, i64>("kind")? {
            0 => SetKind::Rows,
            1 => SetKind::Logs,
            2 => SetKind::Events,
            _ => SetKind::EventLogs,
        },
        name: row.get("name")?,
        first_row: row.get::<_, i64>("first_row")?.unsigned_abs(),
        end_row: row.get::<_, i64>("end_row")?.unsigned_abs(),
        span: first.zip(last),
    })
}
