//! Deleting chunks, whether their bytes are in the database or in an object.

use super::catalogue;
use crate::Result;
use crate::sql::{Tx, Value};

/// A chunk that was deleted.
pub(crate) struct Deleted {
    pub(crate) first_row: u64,
    pub(crate) rows: u64,
}

/// Deletes the chunks that match this condition. Nothing else may delete chunks, as this also lists their objects for
/// removal.
pub(crate) fn delete(tx: &dyn Tx, which: &str, values: &[Value<'_>]) -> Result<Vec<Deleted>> {
    let mut objects: Vec<i64> = Vec::new();
    let deleted = tx.all(
        &format!("DELETE FROM chunks WHERE {which} RETURNING id, length(data) = 0, first_row, row_count"),
        values,
        |row| {
            if row.take(1)? {
                objects.push(row.take(0)?);
            }
            Ok(Deleted {
                first_row: row.take(2)?,
                rows: row.take(3)?,
            })
        },
    )?;
    catalogue::release(tx, &objects)?;
    Ok(deleted)
}
