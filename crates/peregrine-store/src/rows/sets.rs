//! Numbered sequences of rows, and their chunks.

use super::record::{ResultSet, SetKind};
use crate::Result;
use crate::chunk::Chunk;
use crate::flows::Gaps;
use crate::model::Micros;
use crate::sql::{ClientKey, Row, Tx, values};

/// Result sets of one flow, and event sets of one client.
const MAX_SETS: u64 = 1000;

/// A set that rows are added to.
pub(super) struct OpenSet {
    pub(super) id: i64,
    pub(super) end_row: u64,
    pub(super) gaps: Gaps,
    pub(super) last_received: Option<Micros>,
}

/// The set of this name; none when the flow has too many already, which only a hostile agent brings about.
pub(super) fn open(
    tx: &dyn Tx,
    key: &ClientKey,
    flow: &str,
    kind: SetKind,
    name: &str,
) -> Result<Option<OpenSet>> {
    let set = values![&key.org, &*key.client, flow, kind_number(kind), name];
    let found = tx.first(
        "SELECT id, end_row, agent_next, gaps, last_received FROM result_sets
         WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3 AND kind = ?4 AND name = ?5",
        set,
        |row| {
            Ok(OpenSet {
                id: row.take(0)?,
                end_row: row.take(1)?,
                gaps: Gaps::parse(row.take(2)?, &row.take::<String>(3)?),
                last_received: row.take(4)?,
            })
        },
    )?;
    if found.is_some() {
        return Ok(found);
    }
    let count: u64 = tx.one(
        "SELECT count(*) FROM result_sets WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
        values![&key.org, &*key.client, flow],
    )?;
    if count >= MAX_SETS {
        return Ok(None);
    }
    let id = tx.insert(
        "INSERT INTO result_sets (org_id, client_id, flow_id, kind, name) VALUES (?1, ?2, ?3, ?4, ?5)",
        set,
    )?;
    Ok(Some(OpenSet {
        id,
        end_row: 0,
        gaps: Gaps::default(),
        last_received: None,
    }))
}

/// Stores a chunk behind the last one; false when one of this digest is there.
pub(super) fn insert_chunk(
    tx: &dyn Tx,
    set: &OpenSet,
    event: Option<(Micros, &[u8; 16])>,
    chunk: &Chunk,
) -> Result<bool> {
    let made = tx.execute(
        "INSERT INTO chunks (set_id, first_row, row_count, received, digest, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO NOTHING",
        values![
            set.id,
            set.end_row,
            chunk.rows,
            event.map(|(at, _)| at),
            event.map(|(_, digest)| &digest[..]),
            &chunk.data
        ],
    )?;
    Ok(made > 0)
}

/// Numbers of the kinds in the table.
pub(super) fn kind_number(kind: SetKind) -> i64 {
    match kind {
        SetKind::Rows => 0,
        SetKind::Logs => 1,
        SetKind::Events => 2,
        SetKind::EventLogs => 3,
    }
}

pub(super) fn to_set(row: &dyn Row) -> Result<ResultSet> {
    let first: Option<Micros> = row.get("first_received")?;
    let last: Option<Micros> = row.get("last_received")?;
    Ok(ResultSet {
        id: row.get("id")?,
        kind: match row.get::<i64>("kind")? {
            0 => SetKind::Rows,
            1 => SetKind::Logs,
            2 => SetKind::Events,
            _ => SetKind::EventLogs,
        },
        name: row.get("name")?,
        first_row: row.get("first_row")?,
        end_row: row.get("end_row")?,
        span: first.zip(last),
    })
}
