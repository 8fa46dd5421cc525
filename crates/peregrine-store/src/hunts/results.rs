//! Tables over all clients of a hunt.

use super::record::{HuntSet, HuntSource};
use crate::Result;
use crate::sql::{Tx, values};
use peregrine_base::{HuntId, OrgId};

/// The rows of the collections with which clients take part.
const SETS: &str = "hunt_clients m JOIN result_sets s
    ON s.org_id = m.org_id AND s.client_id = m.client_id AND s.flow_id = m.flow_id AND s.kind = 0";

pub(super) fn sources(tx: &dyn Tx, org: &OrgId, hunt_id: &HuntId) -> Result<Vec<HuntSource>> {
    tx.all(
        &format!(
            "SELECT s.name, count(*), CAST(sum(s.end_row - s.first_row) AS BIGINT) FROM {SETS}
             WHERE m.org_id = ?1 AND m.hunt_id = ?2 GROUP BY s.name ORDER BY s.name"
        ),
        values![org, hunt_id],
        |row| {
            Ok(HuntSource {
                name: row.take(0)?,
                clients: row.take(1)?,
                rows: row.take(2)?,
            })
        },
    )
}

/// In the order in which they were begun, so that those of clients that answer later come last.
pub(super) fn sets(tx: &dyn Tx, org: &OrgId, hunt_id: &HuntId, source: &str) -> Result<Vec<HuntSet>> {
    tx.all(
        &format!(
            "SELECT s.id, s.first_row, s.end_row, m.client_id, m.flow_id FROM {SETS} AND s.name = ?3
             WHERE m.org_id = ?1 AND m.hunt_id = ?2 ORDER BY s.id"
        ),
        values![org, hunt_id, source],
        |row| {
            Ok(HuntSet {
                set: row.take(0)?,
                first_row: row.take(1)?,
                end_row: row.take(2)?,
                client_id: row.take(3)?,
                flow_id: row.take(4)?,
            })
        },
    )
}
