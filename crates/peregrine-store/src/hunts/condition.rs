//! Conditions of hunts in SQL.

use super::record::{Candidates, HuntCondition, Matching};
use crate::Result;
use crate::sql::{Tx, Value, fold, pieces, places};
use peregrine_base::{ClientId, HuntId, OrgId};

/// A condition, folded for comparing.
#[derive(Debug)]
pub(super) struct Folded {
    labels: Vec<String>,
    excluded_labels: Vec<String>,
    os: Option<String>,
}

impl From<&HuntCondition> for Folded {
    fn from(condition: &HuntCondition) -> Folded {
        let all = |labels: &[String]| labels.iter().map(|label| fold(label.trim())).collect();
        Folded {
            labels: all(&condition.labels),
            excluded_labels: all(&condition.excluded_labels),
            os: condition.os.as_deref().map(fold),
        }
    }
}

impl Folded {
    /// The condition on the table `clients c`, where `?1` is the organisation; its values are added to `values`.
    pub(super) fn sql<'a>(&'a self, values: &mut Vec<Value<'a>>) -> String {
        let mut all = vec!["c.org_id = ?1".to_owned()];
        for (labels, not) in [(&self.labels, ""), (&self.excluded_labels, "NOT ")] {
            if labels.is_empty() {
                continue;
            }
            let places = places(values.len() + 1, labels.len());
            values.extend(labels.iter().map(Value::from));
            all.push(format!(
                "{not}EXISTS (SELECT 1 FROM client_terms t WHERE t.org_id = c.org_id AND t.client_id = c.client_id
                 AND t.kind = 3 AND t.term IN ({places}))"
            ));
        }
        if let Some(os) = &self.os {
            values.push(os.into());
            all.push(format!("lower(c.os) = ?{}", values.len()));
        }
        all.join(" AND ")
    }
}

/// That a client is not in a hunt yet; the hunt is parameter number `hunt`.
pub(super) fn is_no_member(hunt: usize) -> String {
    format!(
        "NOT EXISTS (SELECT 1 FROM hunt_clients m
         WHERE m.org_id = c.org_id AND m.hunt_id = ?{hunt} AND m.client_id = c.client_id)"
    )
}

/// Clients that match and have not joined.
pub(super) fn candidates(
    tx: &dyn Tx,
    org: &OrgId,
    hunt_id: &HuntId,
    condition: &Folded,
    which: &Candidates,
) -> Result<Vec<ClientId>> {
    match which {
        Candidates::ConnectedTo {
            server_id,
            after,
            limit,
        } => {
            let after = after.as_ref().map_or("", ClientId::as_str);
            let mut values = vec![
                Value::from(org),
                hunt_id.into(),
                server_id.into(),
                after.into(),
                Value::from(*limit),
            ];
            let matches = condition.sql(&mut values);
            let statement = format!(
                "SELECT c.client_id FROM clients c WHERE c.server_id = ?3 AND c.client_id > ?4 AND {matches} AND {}
                 ORDER BY c.client_id LIMIT ?5",
                is_no_member(2)
            );
            tx.all(&statement, &values, |row| row.take(0))
        }
        Candidates::Among { server_id, clients } => {
            let mut found = Vec::new();
            for some in pieces(clients) {
                let mut values = vec![Value::from(org), hunt_id.into(), server_id.into()];
                let among = places(values.len() + 1, some.len());
                values.extend(some.iter().map(|client| Value::from(*client)));
                let matches = condition.sql(&mut values);
                let statement = format!(
                    "SELECT c.client_id FROM clients c WHERE c.server_id = ?3 AND c.client_id IN ({among}) AND {matches} AND {}",
                    is_no_member(2)
                );
                found.extend(tx.all(&statement, &values, |row| row.take(0))?);
            }
            Ok(found)
        }
    }
}

/// How many clients match.
pub(super) fn count(tx: &dyn Tx, org: &OrgId, condition: &Folded) -> Result<Matching> {
    let mut values = vec![Value::from(org)];
    let matches = condition.sql(&mut values);
    let statement = format!("SELECT count(*), count(c.server_id) FROM clients c WHERE {matches}");
    let found = tx.first(&statement, &values, |row| {
        Ok(Matching {
            clients: row.take(0)?,
            online: row.take(1)?,
        })
    })?;
    Ok(found.unwrap_or_default())
}
