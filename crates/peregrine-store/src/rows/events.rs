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

/// Sets of which one transaction deletes, and how much of a set it deletes at most (µs), so that nobody waits long for it.
const SETS_AT_ONCE: u64 = 100;
const DELETED_AT_ONCE: Micros = 24 * 3600 * 1_000_000;

/// An event set that has rows which are too old.
pub(super) struct Old {
    set: SetId,
    client: ClientId,
    first_received: Micros,
}

/// The first sets after `after` that have rows received before `before`.
pub(super) fn old(tx: &dyn Tx, org: &OrgId, before: Micros, after: SetId) -> Result<Vec<Old>> {
    tx.all(
        "SELECT id, client_id, first_received FROM result_sets
         WHERE org_id = ?1 AND id > ?2 AND kind >= 2 AND first_received < ?3 ORDER BY id LIMIT ?4",
        values![org, after, before, SETS_AT_ONCE],
        |row| {
            Ok(Old {
                set: row.take(0)?,
                client: row.take(1)?,
                first_received: row.take(2)?,
            })
        },
    )
}

/// Deletes the rows of these sets received before `before`. Returns the set after which to go on, or nothing if these were the last.
pub(super) fn delete_old(tx: &dyn Tx, org: &OrgId, before: Micros, sets: &[Old]) -> Result<Option<SetId>> {
    for each in sets {
        let end = before.min(each.first_received.saturating_add(DELETED_AT_ONCE));
        let key = ClientKey {
            org: org.clone(),
            client: each.client.clone(),
        };
        delete_between(tx, &key, each.set, (None, Some(end)))?;
        if end < before {
            return Ok(Some(SetId(each.set.0 - 1)));
        }
    }
    let is_last = (sets.len() as u64) < SETS_AT_ONCE;
    Ok(sets.last().map(|last| last.set).filter(|_| !is_last))
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
