//! Ends of collections that must still be told. Noted in the transaction that ends the collection, and removed in the one
//! that stores the event, so that each is told exactly once whatever is restarted.

use crate::Result;
use crate::model::Micros;
use crate::sql::{ClientKey, Tx, values};
use peregrine_base::{ClientId, FlowId, OrgId};

/// Notes that a collection has ended.
pub(crate) fn note(tx: &dyn Tx, key: &ClientKey, flow: &FlowId, now: Micros) -> Result<()> {
    tx.execute(
        "INSERT INTO completions (org_id, client_id, flow_id, ended) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        values![&key.org, &key.client, flow, now],
    )?;
    Ok(())
}

/// Removes the note; false if there is none, because the end was told already.
pub(crate) fn told(tx: &dyn Tx, key: &ClientKey, flow: &FlowId) -> Result<bool> {
    let removed = tx.execute(
        "DELETE FROM completions WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
        values![&key.org, &key.client, flow],
    )?;
    Ok(removed > 0)
}

/// Collections that ended by `before`, oldest first.
pub(crate) fn untold(
    tx: &dyn Tx,
    org: &OrgId,
    before: Micros,
    limit: u64,
) -> Result<Vec<(ClientId, FlowId)>> {
    tx.all(
        "SELECT client_id, flow_id FROM completions WHERE org_id = ?1 AND ended <= ?2 ORDER BY ended LIMIT ?3",
        values![org, before, limit],
        |row| Ok((row.take(0)?, row.take(1)?)),
    )
}
