//! The clients that a user opened last.

use crate::Result;
use crate::model::Micros;
use crate::sql::{ClientKey, Tx, fold, values};

/// Clients remembered of each user.
const KEPT: u64 = 50;

/// True if the client is the one that the user opened last.
pub(super) fn is_last(tx: &dyn Tx, key: &ClientKey, user: &str) -> Result<bool> {
    let last: Option<String> = tx.first(
        "SELECT client_id FROM recent_clients WHERE org_id = ?1 AND user_folded = ?2 ORDER BY opened DESC, client_id LIMIT 1",
        values![&key.org, &fold(user)],
        |row| row.take(0),
    )?;
    Ok(last.is_some_and(|last| last == key.client.as_str()))
}

/// Puts the client first in the user's list, which forgets the last ones.
pub(super) fn open(tx: &dyn Tx, key: &ClientKey, user: &str, now: Micros) -> Result<()> {
    let user = fold(user);
    tx.execute(
        "INSERT INTO recent_clients (org_id, user_folded, client_id, opened) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (org_id, user_folded, client_id) DO UPDATE SET opened = excluded.opened",
        values![&key.org, &user, &key.client, now],
    )?;
    tx.execute(
        "DELETE FROM recent_clients WHERE org_id = ?1 AND user_folded = ?2 AND client_id NOT IN (
            SELECT client_id FROM recent_clients WHERE org_id = ?1 AND user_folded = ?2
            ORDER BY opened DESC, client_id LIMIT ?3)",
        values![&key.org, &user, KEPT],
    )?;
    Ok(())
}
