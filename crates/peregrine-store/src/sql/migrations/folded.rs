//! Fills the columns with folded text that step 4 added: SQL folds case differently in each database, so Rust does it.

use crate::Result;
use crate::sql::{Next, Tx, fold, values};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Records read at a time.
const BATCH: i64 = 500;

/// Client facts as stored before this step.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Facts {
    hostname: String,
    fqdn: String,
    addresses: Vec<String>,
    mac_addresses: Vec<String>,
}

pub(super) fn fill(tx: &dyn Tx) -> Result<()> {
    clients(tx)?;
    flows(tx)
}

fn clients(tx: &dyn Tx) -> Result<()> {
    let mut last = String::new();
    loop {
        let some = tx.all(
            "SELECT client_id, facts, labels, metadata FROM clients WHERE org_id = 'root' AND client_id > ?1
             ORDER BY client_id LIMIT ?2",
            values![&last, BATCH],
            |row| {
                let id: String = row.get("client_id")?;
                let facts: Facts = row.json("facts")?;
                let labels: Vec<String> = row.json("labels")?;
                let notes: BTreeMap<String, String> = row.json("metadata")?;
                Ok((id, facts, labels, notes))
            },
        )?;
        for (id, facts, labels, notes) in &some {
            let names = [&facts.hostname, &facts.fqdn];
            let mut terms: Vec<(i64, String)> = names.into_iter().map(|name| (0, fold(name))).collect();
            terms.extend(facts.addresses.iter().map(|address| (1, fold(address))));
            terms.extend(facts.mac_addresses.iter().map(|address| (2, fold(address))));
            terms.extend(labels.iter().map(|label| (3, fold(label))));
            terms.extend(
                notes
                    .iter()
                    .map(|(key, value)| (4, format!("{key}\u{1f}{}", fold(value)))),
            );
            for (kind, term) in &terms {
                tx.execute(
                    "INSERT INTO client_terms (org_id, kind, term, client_id) VALUES ('root', ?1, ?2, ?3) ON CONFLICT DO NOTHING",
                    values![*kind, term, id],
                )?;
            }
            tx.execute(
                "UPDATE clients SET hostname_folded = ?2 WHERE org_id = 'root' AND client_id = ?1",
                values![id, &fold(&facts.hostname)],
            )?;
        }
        match some.into_iter().last() {
            Some((id, ..)) => last = id,
            None => return Ok(()),
        }
    }
}

fn flows(tx: &dyn Tx) -> Result<()> {
    let mut last = 0;
    loop {
        let mut some: Vec<(i64, String, String)> = Vec::new();
        tx.query(
            "SELECT id, flow_id, creator, artifacts FROM flows WHERE id > ?1 ORDER BY id LIMIT ?2",
            values![last, BATCH],
            &mut |row| {
                let (flow, creator, artifacts): (String, String, String) =
                    (row.get("flow_id")?, row.get("creator")?, row.get("artifacts")?);
                some.push((
                    row.get("id")?,
                    fold(&creator),
                    fold(&format!("{flow}\n{creator}\n{artifacts}")),
                ));
                Ok(Next::Row)
            },
        )?;
        for (id, creator, search) in &some {
            tx.execute(
                "UPDATE flows SET creator_folded = ?2, search_folded = ?3 WHERE id = ?1",
                values![*id, creator, search],
            )?;
        }
        match some.last() {
            Some((id, ..)) => last = *id,
            None => return Ok(()),
        }
    }
}
