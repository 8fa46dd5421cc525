//! Search terms of clients: names, addresses, labels and notes, folded, in a table of their own.

use crate::Result;
use crate::clients::ClientFacts;
use crate::sql::{ClientKey, Tx, fold, values};
use std::collections::{BTreeMap, BTreeSet};

/// Kind numbers in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name = 0,
    Address = 1,
    MacAddress = 2,
    Label = 3,
    Note = 4,
}

/// Separates key and value of a note; a character that users do not put in either.
const SEPARATOR: char = '\u{1f}';

/// A note as a term. The key is not folded.
pub(super) fn note(key: &str, folded_value: &str) -> String {
    format!("{key}{SEPARATOR}{folded_value}")
}

/// Replaces the terms for a client's names and addresses.
pub(super) fn write_facts(tx: &dyn Tx, key: &ClientKey, facts: &ClientFacts) -> Result<()> {
    let names = [&facts.hostname, &facts.fqdn];
    write(tx, key, Kind::Name, names.into_iter().map(|name| fold(name)))?;
    write(
        tx,
        key,
        Kind::Address,
        facts.addresses.iter().map(|text| fold(text)),
    )?;
    write(
        tx,
        key,
        Kind::MacAddress,
        facts.mac_addresses.iter().map(|text| fold(text)),
    )
}

pub(super) fn write_labels(tx: &dyn Tx, key: &ClientKey, labels: &[String]) -> Result<()> {
    write(tx, key, Kind::Label, labels.iter().map(|label| fold(label)))
}

pub(super) fn write_notes(tx: &dyn Tx, key: &ClientKey, notes: &BTreeMap<String, String>) -> Result<()> {
    let terms = notes.iter().map(|(name, value)| note(name, &fold(value)));
    write(tx, key, Kind::Note, terms)
}

/// Replaces all terms of one kind.
fn write(tx: &dyn Tx, key: &ClientKey, kind: Kind, terms: impl Iterator<Item = String>) -> Result<()> {
    tx.execute(
        "DELETE FROM client_terms WHERE org_id = ?1 AND client_id = ?2 AND kind = ?3",
        values![&key.org, &key.client, kind as i64],
    )?;
    for term in terms
        .filter(|term| !term.is_empty())
        .collect::<BTreeSet<String>>()
    {
        tx.execute(
            "INSERT INTO client_terms (org_id, kind, term, client_id) VALUES (?1, ?2, ?3, ?4)",
            values![&key.org, kind as i64, &term, &key.client],
        )?;
    }
    Ok(())
}
