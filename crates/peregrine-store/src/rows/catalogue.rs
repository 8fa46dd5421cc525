//! The list of objects that hold rows. It keeps SQL and [`crate::Objects`] consistent, as no transaction spans both.
//!
//! An object is listed before it is written, with a due time from which on it may be removed. The transaction that stores
//! its chunk clears the due time; the one that deletes the chunk sets it again. A sweep claims objects that are due,
//! removes them, and then their lines. So wherever a server crashes, every object has a line, and objects that a chunk
//! refers to stay.

use crate::model::Micros;
use crate::sql::{Tx, Value, pieces, places, values};
use crate::{Error, Result};
use peregrine_base::OrgId;

/// How long a packet may take from listing its first object to its transaction.
const PATIENCE: Micros = 3600 * 1_000_000;
/// How long a sweep has to remove what it claimed, before another one may claim it.
const CLAIM: Micros = 600 * 1_000_000;
/// Most objects per claim.
const MAX_CLAIMED: u64 = 500;

/// An object that no chunk refers to yet.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    /// Its key. Random, so that no key is ever reused, not even after its object was removed.
    pub(super) object: String,
    pub(super) bytes: u64,
    /// When it may be removed. Still unchanged in the list: no sweep has claimed the object.
    due: Micros,
}

impl Placed {
    pub(super) fn new(object: String, bytes: usize, now: Micros) -> Placed {
        Placed {
            object,
            bytes: bytes as u64,
            due: now.saturating_add(PATIENCE),
        }
    }
}

/// Lists objects that are about to be written.
pub(super) fn announce<'a>(
    tx: &dyn Tx,
    org: &OrgId,
    objects: impl IntoIterator<Item = &'a Placed>,
) -> Result<()> {
    for placed in objects {
        tx.execute(
            "INSERT INTO row_objects (org_id, object, bytes, due) VALUES (?1, ?2, ?3, ?4)",
            values![org, &placed.object, placed.bytes, placed.due],
        )?;
    }
    Ok(())
}

/// Assigns an object to the chunk that was just stored; fails if a sweep has claimed it.
pub(super) fn attach(tx: &dyn Tx, org: &OrgId, placed: &Placed, chunk: i64) -> Result<()> {
    let found = tx.execute(
        "UPDATE row_objects SET chunk_id = ?4, due = NULL WHERE org_id = ?1 AND object = ?2 AND due = ?3",
        values![org, &placed.object, placed.due, chunk],
    )?;
    if found == 0 {
        return Err(Error::Objects(format!(
            "`{}`: storing it took so long that it was given up; agents send it again",
            placed.object
        )));
    }
    Ok(())
}

/// Makes objects due at once that no chunk will refer to. Lists them again if a sweep was there before the object was
/// written.
pub(super) fn give_up<'a>(
    tx: &dyn Tx,
    org: &OrgId,
    objects: impl IntoIterator<Item = &'a Placed>,
) -> Result<()> {
    for placed in objects {
        tx.execute(
            "INSERT INTO row_objects (org_id, object, bytes, due) VALUES (?1, ?2, ?3, 0)
             ON CONFLICT (org_id, object) DO UPDATE SET due = 0 WHERE row_objects.chunk_id IS NULL",
            values![org, &placed.object, placed.bytes],
        )?;
    }
    Ok(())
}

/// Makes the objects of chunks that were just deleted due at once.
pub(super) fn release(tx: &dyn Tx, chunks: &[i64]) -> Result<()> {
    for some in pieces(chunks) {
        let statement = format!(
            "UPDATE row_objects SET chunk_id = NULL, due = 0 WHERE chunk_id IN ({})",
            places(1, some.len())
        );
        let ids: Vec<Value<'_>> = some.into_iter().map(|id| Value::from(*id)).collect();
        tx.execute(&statement, &ids)?;
    }
    Ok(())
}

/// Whether there is anything to claim.
pub(super) fn has_due(tx: &dyn Tx, org: &OrgId, now: Micros) -> Result<bool> {
    let due: Option<i64> = tx.first(
        "SELECT due FROM row_objects WHERE org_id = ?1 AND due <= ?2 LIMIT 1",
        values![org, now],
        |row| row.take(0),
    )?;
    Ok(due.is_some())
}

/// Claims some of the objects that are due: no packet can attach them any more, and other sweeps leave them alone for
/// now.
pub(super) fn claim(tx: &dyn Tx, org: &OrgId, now: Micros) -> Result<Vec<String>> {
    // The due time is checked twice: another server may claim between subquery and update, and has then changed it.
    tx.all(
        "UPDATE row_objects SET due = ?3 WHERE org_id = ?1 AND due <= ?2 AND object IN
            (SELECT object FROM row_objects WHERE org_id = ?1 AND due <= ?2 ORDER BY due LIMIT ?4)
         RETURNING object",
        values![org, now, now.saturating_add(CLAIM), MAX_CLAIMED],
        |row| row.take(0),
    )
}

/// Deletes the lines of removed objects.
pub(super) fn forget(tx: &dyn Tx, org: &OrgId, objects: &[String]) -> Result<()> {
    for some in pieces(objects) {
        let statement = format!(
            "DELETE FROM row_objects WHERE org_id = ?1 AND chunk_id IS NULL AND object IN ({})",
            places(2, some.len())
        );
        let mut values = vec![Value::from(org)];
        values.extend(some.into_iter().map(Value::from));
        tx.execute(&statement, &values)?;
    }
    Ok(())
}

/// Whether a chunk still refers to this object.
pub(super) fn is_wanted(tx: &dyn Tx, org: &OrgId, object: &str) -> Result<bool> {
    let chunk: Option<Option<i64>> = tx.first(
        "SELECT chunk_id FROM row_objects WHERE org_id = ?1 AND object = ?2",
        values![org, object],
        |row| row.take(0),
    )?;
    Ok(chunk.flatten().is_some())
}
