//! Reading chunks: their places from the index, then their bytes from the database or from objects.

use super::catalogue;
use super::objects::{AT_ONCE, Stored};
use super::record::{SetId, StoredChunk};
use crate::chunk::Chunk;
use crate::model::Micros;
use crate::sql::{OrgDatabase, Row, Tx, Value, pieces, places, values};
use crate::{Error, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use peregrine_base::OrgId;

/// Most chunks per answer.
const MAX_CHUNKS: u64 = 1000;

/// A chunk as listed in the index.
pub(super) struct IndexedChunk {
    entry: IndexEntry,
    stored: Stored,
}

/// Index entry of a chunk, without its data.
struct IndexEntry {
    id: i64,
    set: SetId,
    first_row: u64,
    rows: u64,
    received: Option<Micros>,
    bytes: u64,
    object: Option<String>,
}

/// Chunks of a set from `from_row` on, about `max_bytes`, but at least one.
pub(super) fn find_chunks(
    tx: &dyn Tx,
    org: &OrgId,
    set: SetId,
    from_row: u64,
    max_bytes: usize,
) -> Result<Vec<IndexedChunk>> {
    // A set's id does not say which organisation it belongs to, so that is checked here.
    let first: Option<i64> = tx.first(
        "SELECT coalesce((SELECT max(first_row) FROM chunks WHERE set_id = ?2 AND first_row <= ?3), 0)
         FROM result_sets WHERE org_id = ?1 AND id = ?2",
        values![org, set, from_row],
        |row| row.take(0),
    )?;
    let Some(first) = first else { return Ok(Vec::new()) };
    let entries = tx.all(
        &format!(
            "SELECT {ENTRY} WHERE c.set_id = ?1 AND c.first_row >= ?2 AND c.first_row + c.row_count > ?3
             ORDER BY c.first_row LIMIT ?4"
        ),
        values![set, first, from_row, MAX_CHUNKS],
        to_entry,
    )?;
    load(tx, entries, max_bytes)
}

/// Chunks of several sets, about `max_bytes`, but at least one; of the first of them only those with rows from `from_row` on.
pub(super) fn find_chunks_of(
    tx: &dyn Tx,
    org: &OrgId,
    sets: &[SetId],
    from_row: u64,
    max_bytes: usize,
) -> Result<Vec<IndexedChunk>> {
    // Those beyond the first piece are left to the next call.
    let (Some(first), Some(sets)) = (sets.iter().min(), pieces(sets).next()) else {
        return Ok(Vec::new());
    };
    let mut values = vec![
        Value::from(org),
        Value::from(*first),
        from_row.into(),
        MAX_CHUNKS.into(),
    ];
    let places = places(values.len() + 1, sets.len());
    values.extend(sets.into_iter().map(|set| Value::from(*set)));
    let entries = tx.all(
        &format!(
            "SELECT {ENTRY} JOIN result_sets s ON s.id = c.set_id AND s.org_id = ?1
             WHERE c.set_id IN ({places}) AND (c.set_id <> ?2 OR c.first_row + c.row_count > ?3)
             ORDER BY c.set_id, c.first_row LIMIT ?4"
        ),
        &values,
        to_entry,
    )?;
    load(tx, entries, max_bytes)
}

/// The columns of an index entry, and where they are.
const ENTRY: &str =
    "c.id, c.set_id, c.first_row, c.row_count, c.received, coalesce(o.bytes, length(c.data)), o.object
    FROM chunks c LEFT JOIN row_objects o ON o.chunk_id = c.id";

fn to_entry(row: &dyn Row) -> Result<IndexEntry> {
    Ok(IndexEntry {
        id: row.take(0)?,
        set: row.take(1)?,
        first_row: row.take(2)?,
        rows: row.take(3)?,
        received: row.take(4)?,
        bytes: row.take(5)?,
        object: row.take(6)?,
    })
}

/// Reads the data after the index, chunk by chunk: a damaged page of one chunk's data must not hide the others.
fn load(tx: &dyn Tx, entries: Vec<IndexEntry>, max_bytes: usize) -> Result<Vec<IndexedChunk>> {
    let mut bytes = 0;
    let mut found = Vec::new();
    for mut entry in entries {
        if bytes >= max_bytes as u64 {
            break;
        }
        bytes += entry.bytes.max(1);
        let stored = match entry.object.take() {
            Some(key) => Stored::Object(key),
            None => match data(tx, entry.id)? {
                Some(data) => Stored::Here(data),
                // Deleted meanwhile.
                None => continue,
            },
        };
        found.push(IndexedChunk { entry, stored });
    }
    Ok(found)
}

fn data(tx: &dyn Tx, chunk: i64) -> Result<Option<Vec<u8>>> {
    let data = tx.first("SELECT data FROM chunks WHERE id = ?1", values![chunk], |row| {
        row.take(0)
    });
    match data {
        // Empty data cannot be unpacked, so the chunk is shown as damaged.
        Err(Error::Damaged(_)) => Ok(Some(Vec::new())),
        data => data,
    }
}

/// Gets the bytes of chunks, of several objects concurrently, and keeps their order.
pub(super) async fn fetch(db: &OrgDatabase, found: Vec<IndexedChunk>) -> Result<Vec<(SetId, StoredChunk)>> {
    stream::iter(found.into_iter().map(|found| resolve(db, found)))
        .buffered(AT_ONCE)
        .try_filter_map(async |chunk| Ok(chunk))
        .try_collect()
        .await
}

/// A chunk with its bytes, or with the reason why they are missing; `None` if it was deleted meanwhile.
async fn resolve(db: &OrgDatabase, found: IndexedChunk) -> Result<Option<(SetId, StoredChunk)>> {
    let IndexedChunk { entry, stored } = found;
    let (data, missing) = match stored {
        Stored::Here(data) => (data, None),
        Stored::Object(key) => match read_object(db, &entry, &key).await {
            Ok(Some(data)) => (data, None),
            Ok(None) => match why_missing(db, &entry, key).await? {
                Some(why) => {
                    tracing::error!("{why}");
                    (Vec::new(), Some(why))
                }
                None => return Ok(None),
            },
            // As with damage in the database: the other chunks can still be read.
            Err(Error::Damaged(why)) => (Vec::new(), Some(why)),
            Err(error) => return Err(error),
        },
    };
    let chunk = StoredChunk {
        first_row: entry.first_row,
        received: entry.received,
        chunk: Chunk {
            rows: entry.rows,
            data,
        },
        missing,
    };
    Ok(Some((entry.set, chunk)))
}

async fn read_object(db: &OrgDatabase, entry: &IndexEntry, key: &str) -> Result<Option<Vec<u8>>> {
    match &db.rows {
        Some(rows) => rows.read(key, entry.bytes).await,
        None => Err(Error::Objects(format!(
            "`{key}`: this database was opened without its objects"
        ))),
    }
}

/// The message for an object that does not exist; `None` if no chunk refers to it any more.
async fn why_missing(db: &OrgDatabase, entry: &IndexEntry, key: String) -> Result<Option<String>> {
    let set = entry.set;
    db.read(move |tx, org| {
        if !catalogue::is_wanted(tx, org, &key)? {
            return Ok(None);
        }
        let of = tx.first(
            "SELECT client_id, flow_id FROM result_sets WHERE org_id = ?1 AND id = ?2",
            values![org, set],
            |row| Ok((row.take::<String>(0)?, row.take::<String>(1)?)),
        )?;
        Ok(of.map(|(client, flow)| {
            format!(
                "object `{key}` with rows of collection `{flow}` of client `{client}` is missing; put it back from a backup, or \
                 collect again"
            )
        }))
    })
    .await
}
