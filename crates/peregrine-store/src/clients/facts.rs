//! New facts about a client.

use super::record::ClientFacts;
use super::{sql, terms};
use crate::Result;
use crate::model::Micros;
use crate::sql::{ClientKey, Tx, fold, to_json, values};
use peregrine_base::FlowId;

/// Merges new facts into a client record: empty values keep what is stored. False if the client does not exist.
pub(crate) fn merge_facts(
    tx: &dyn Tx,
    key: &ClientKey,
    new: &ClientFacts,
    labels: &[String],
    flow_id: Option<&FlowId>,
    at: Micros,
) -> Result<bool> {
    let Some(mut client) = sql::load(tx, key)? else {
        return Ok(false);
    };
    let facts = merged(&client.facts, new);
    tx.execute(
        "UPDATE clients SET hostname_folded = ?3, os = ?4, facts = ?5,
         last_interrogate_flow_id = coalesce(?6, last_interrogate_flow_id) WHERE org_id = ?1 AND client_id = ?2",
        values![
            &key.org,
            &key.client,
            &fold(&facts.hostname),
            &facts.os,
            &to_json(&facts)?,
            flow_id
        ],
    )?;
    let mut is_changed = facts != client.facts;
    if sql::add_labels(&mut client.labels, labels) {
        let changed = sql::labels_changed(&client, at.saturating_mul(1000));
        sql::write_labels(tx, key, &client.labels, changed)?;
        is_changed = true;
    }
    if is_changed {
        terms::write(tx, key)?;
    }
    Ok(true)
}

fn merged(old: &ClientFacts, new: &ClientFacts) -> ClientFacts {
    let text = |old: &String, new: &String| if new.is_empty() { old } else { new }.clone();
    let list = |old: &Vec<String>, new: &Vec<String>| if new.is_empty() { old } else { new }.clone();
    ClientFacts {
        hostname: text(&old.hostname, &new.hostname),
        fqdn: text(&old.fqdn, &new.fqdn),
        os: text(&old.os, &new.os),
        release: text(&old.release, &new.release),
        architecture: text(&old.architecture, &new.architecture),
        agent_name: text(&old.agent_name, &new.agent_name),
        agent_version: text(&old.agent_version, &new.agent_version),
        build_time: text(&old.build_time, &new.build_time),
        build_url: text(&old.build_url, &new.build_url),
        addresses: list(&old.addresses, &new.addresses),
        mac_addresses: list(&old.mac_addresses, &new.mac_addresses),
    }
}
