//! Event rows: appended as they arrive, deleted when they are old or when somebody wants them gone.

use super::catalogue::Placed;
use super::chunks;
use super::record::{Outcome, ResultSet, SetId, SetKind};
use super::sets::{self, Added, NewChunk, SetName};
use crate::Result;
use crate::chunk::Chunk;
use crate::model::Micros;
use crate::sql::{ClientKey, Tx, values};
use peregrine_base::ids::MONITORING;
use peregrine_base::{ClientId, OrgId};
use std::collections::BTreeMap;

pub(super) fn append(
    tx: &dyn Tx,
    key: &ClientKey,
    (kind, source): (SetKind, &str),
    digest: &[u8; 16],
    at: Micros,
    (chunk, placed): (&Chunk, Option<&Placed>),
) -> Result<Outcome> {
    if chunk.rows == 0 {
        return Ok(Outcome::Done);
    }
    let name = SetName {
        session: MONITORING,
        kind,
        name: source,
    };
    let set = sets::open(tx, key, name)?;
    // Receive times never decrease within a set, so that a time range is a row range.
    let at = at.max(set.last_received.unwrap_or(at));
    let new = NewChunk {
        event: Some((at, digest)),
        chunk,
        placed,
    };
    match sets::append(tx, key, name, &set, new)? {
        Added::Rows { set, total } => Ok(Outcome::Appended { set, total }),
        Added::Duplicate => Ok(Outcome::Duplicate),
        Added::NoSet => Ok(Outcome::UnknownFlow),
    }
}

/// The event rows of an artifact, of every client: of one source in `Artifact/Source`, or of all of them.
pub(super) fn of_artifact(tx: &dyn Tx, org: &OrgId, artifact: &str) -> Result<Vec<(ClientId, ResultSet)>> {
    // Names of sources of an artifact lie between `Artifact/` and `Artifact0`, the next text after all that begin so.
    let (first, end) = match artifact.contains('/') {
        true => (String::new(), String::new()),
        false => (format!("{artifact}/"), format!("{artifact}0")),
    };
    tx.all(
        "SELECT * FROM result_sets WHERE org_id = ?1 AND kind = 2 AND (name = ?2 OR name >= ?3 AND name < ?4) ORDER BY id",
        values![org, artifact, &first, &end],
        |row| Ok((row.get("client_id")?, sets::to_set(row)?)),
    )
}

/// What was deleted of one set.
#[derive(Default)]
struct Deleted {
    rows: u64,
    /// One past the last row.
    end_row: u64,
}

/// Deletes chunks received before this time; returns how many rows that were.
pub(super) fn delete_before(tx: &dyn Tx, org: &OrgId, before: Micros) -> Result<u64> {
    let chunks = chunks::delete(
        tx,
        "received < ?2 AND received IS NOT NULL
         AND set_id IN (SELECT id FROM result_sets WHERE org_id = ?1 AND kind >= 2 AND first_received < ?2)",
        values![org, before],
    )?;
    let mut sets: BTreeMap<SetId, Deleted> = BTreeMap::new();
    for chunk in chunks {
        let deleted = sets.entry(chunk.set).or_default();
        deleted.rows += chunk.rows;
        deleted.end_row = deleted.end_row.max(chunk.first_row.saturating_add(chunk.rows));
    }
    // The set now begins after the last deleted row, even if rows were added meanwhile.
    for (set, deleted) in &sets {
        tx.execute(
            "UPDATE result_sets SET first_row = ?2,
             first_received = (SELECT min(received) FROM chunks WHERE set_id = ?1 AND received IS NOT NULL)
             WHERE id = ?1 AND first_row < ?2",
            values![*set, deleted.end_row],
        )?;
    }
    Ok(sets.values().map(|deleted| deleted.rows).sum())
}

/// Deletes the chunks of an event set received within `[start, end)`; returns how many rows that were.
pub(super) fn delete_between(
    tx: &dyn Tx,
    key: &ClientKey,
    set: SetId,
    (start, end): (Option<Micros>, Option<Micros>),
) -> Result<u64> {
    let chunks = chunks::delete(
        tx,
        "set_id IN (SELECT id FROM result_sets WHERE id = ?1 AND org_id = ?2 AND client_id = ?3 AND kind >= 2)
         AND received >= ?4 AND received < ?5 AND received IS NOT NULL",
        values![
            set,
            &key.org,
            &key.client,
            start.unwrap_or(Micros::MIN),
            end.unwrap_or(Micros::MAX)
        ],
    )?;
    // Receive times never decrease, so these are the numbers of consecutive rows.
    let Some(first) = chunks.iter().map(|chunk| chunk.first_row).min() else {
        return Ok(0);
    };
    let rows: u64 = chunks.iter().map(|chunk| chunk.rows).sum();
    // In two steps, as both databases check after each row that a number is unique: first to negative numbers, which nothing
    // has, and from those to the new ones.
    tx.execute(
        "UPDATE chunks SET first_row = -1 - first_row - ?3 WHERE set_id = ?1 AND first_row < ?2",
        values![set, first, rows],
    )?;
    tx.execute(
        "UPDATE chunks SET first_row = -1 - first_row WHERE set_id = ?1 AND first_row < 0",
        values![set],
    )?;
    tx.execute(
        "UPDATE result_sets SET first_row = first_row + ?2,
         first_received = (SELECT min(received) FROM chunks WHERE set_id = ?1 AND received IS NOT NULL),
         last_received = (SELECT max(received) FROM chunks WHERE set_id = ?1 AND received IS NOT NULL)
         WHERE id = ?1",
        values![set, rows],
    )?;
    tx.execute(
        "DELETE FROM result_sets WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM chunks WHERE set_id = ?1)",
        values![set],
    )?;
    Ok(rows)
}
