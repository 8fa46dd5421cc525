//! Brings a database file to the schema this program knows. `PRAGMA user_version` holds the number of the last step.

use crate::{Error, Result};
use rusqlite::{Connection, TransactionBehavior};

/// Steps in order; a step that was released is never edited.
const STEPS: &[&str] = &[
    include_str!("migrations/0001_initial.sql"),
    include_str!("migrations/0002_missing.sql"),
    include_str!("migrations/0003_cancelled.sql"),
];

/// Applies missing steps, each in one transaction, and gives the version.
pub(super) fn run(connection: &mut Connection) -> Result<i64> {
    let known = STEPS.len() as i64;
    let found = version(connection)?;
    if found > known {
        return Err(Error::SchemaTooNew { found, known });
    }
    for (number, step) in (1..).zip(STEPS) {
        if number <= found {
            continue;
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(known)
}

/// Refuses a file that is not of the schema this program knows.
pub(super) fn check(connection: &Connection) -> Result<()> {
    let known = STEPS.len() as i64;
    match version(connection)? {
        found if found > known => Err(Error::SchemaTooNew { found, known }),
        found if found < known => Err(Error::SchemaTooOld { found, known }),
        _ => Ok(()),
    }
}

fn version(connection: &Connection) -> Result<i64> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}
