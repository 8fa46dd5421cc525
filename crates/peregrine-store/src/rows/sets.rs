//! Numbered sequences of rows, and their chunks.

use super::catalogue::{self, Placed};
use super::record::{ResultSet, SetId, SetKind};
use crate::Result;
use crate::chunk::Chunk;
use crate::flows::Gaps;
use crate::model::Micros;
use crate::sql::{ClientKey, Row, Tx, values};

/// Most result sets of one flow, and most event sets of one client.
const MAX_SETS: u64 = 1000;

/// Names a set of a client.
#[derive(Clone, Copy)]
pub(super) struct SetName<'a> {
    pub(super) session: &'a str,
    pub(super) kind: SetKind,
    pub(super) name: &'a str,
}

/// A set that rows are added to.
#[derive(Default)]
pub(super) struct OpenSet {
    /// `None` until the first rows create it.
    id: Option<SetId>,
    end_row: u64,
    pub(super) gaps: Gaps,
    pub(super) last_received: Option<Micros>,
}

/// A chunk to be stored.
pub(super) struct NewChunk<'a> {
    /// Receive time and digest; only for events.
    pub(super) event: Option<(Micros, &'a [u8; 16])>,
    pub(super) chunk: &'a Chunk,
    /// The object that holds its bytes, if they are not in the database.
    pub(super) placed: Option<&'a Placed>,
}

/// What [`append`] did.
pub(super) enum Added {
    /// The rows were added; the set now has this many.
    Rows { set: SetId, total: u64 },
    /// The set already has a chunk with this digest.
    Duplicate,
    /// Nothing was added: the client or flow does not exist, or has too many sets, which only a hostile agent causes.
    NoSet,
}

/// The set of this name, or a new one that is not stored yet.
pub(super) fn open(tx: &dyn Tx, key: &ClientKey, set: SetName<'_>) -> Result<OpenSet> {
    let found = tx.first(
        "SELECT id, end_row, agent_next, gaps, last_received FROM result_sets
         WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3 AND kind = ?4 AND name = ?5",
        values![
            &key.org,
            &key.client,
            set.session,
            kind_number(set.kind),
            set.name
        ],
        |row| {
            Ok(OpenSet {
                id: row.take(0)?,
                end_row: row.take(1)?,
                gaps: Gaps::parse(row.take(2)?, &row.take::<String>(3)?),
                last_received: row.take(4)?,
            })
        },
    )?;
    Ok(found.unwrap_or_default())
}

/// Appends a chunk to a set and updates the set.
pub(super) fn append(
    tx: &dyn Tx,
    key: &ClientKey,
    name: SetName<'_>,
    set: &OpenSet,
    new: NewChunk<'_>,
) -> Result<Added> {
    let NewChunk { event, chunk, placed } = new;
    let total = set.end_row.saturating_add(chunk.rows);
    let at = event.map(|(at, _)| at);
    let gaps = set.gaps.to_text();
    let id = match set.id {
        Some(id) => id,
        None => {
            // The limit, and the client or flow, are checked in the same statement, as each statement costs a round trip to the
            // server.
            let made = tx.insert(
                "INSERT INTO result_sets
                    (org_id, client_id, flow_id, kind, name, end_row, agent_next, gaps, first_received, last_received)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9
                 WHERE (SELECT count(*) FROM result_sets WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3) < ?10
                   AND CASE WHEN ?11
                       THEN ?2 = 'server' OR EXISTS (SELECT 1 FROM clients WHERE org_id = ?1 AND client_id = ?2)
                       ELSE EXISTS (SELECT 1 FROM flows WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3) END",
                values![
                    &key.org,
                    &key.client,
                    name.session,
                    kind_number(name.kind),
                    name.name,
                    total,
                    set.gaps.next,
                    &gaps,
                    at,
                    MAX_SETS,
                    event.is_some()
                ],
            )?;
            let Some(id) = made else { return Ok(Added::NoSet) };
            SetId(id)
        }
    };
    let made = tx.insert(
        "INSERT INTO chunks (set_id, first_row, row_count, received, digest, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO NOTHING",
        values![
            id,
            set.end_row,
            chunk.rows,
            at,
            event.map(|(_, digest)| &digest[..]),
            // The bytes are in an object.
            if placed.is_some() { &[][..] } else { &chunk.data[..] }
        ],
    )?;
    let Some(chunk_id) = made else {
        return Ok(Added::Duplicate);
    };
    if let Some(placed) = placed {
        catalogue::attach(tx, &key.org, placed, chunk_id)?;
    }
    if set.id.is_some() {
        tx.execute(
            "UPDATE result_sets SET end_row = ?2, agent_next = ?3, gaps = ?4,
             first_received = coalesce(first_received, ?5), last_received = coalesce(?5, last_received) WHERE id = ?1",
            values![id, total, set.gaps.next, &gaps, at],
        )?;
    }
    Ok(Added::Rows { set: id, total })
}

/// Kind numbers in the table.
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
