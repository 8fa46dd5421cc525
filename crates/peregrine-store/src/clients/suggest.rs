//! Terms that begin with a text, each once: what somebody may want to search for.

use super::pattern::Range;
use super::record::SearchField;
use super::terms::{Kind, SEPARATOR, note};
use crate::Result;
use crate::sql::{Tx, Value, fold};
use peregrine_base::{ClientId, OrgId};

/// Up to `limit` of them, in order.
pub(super) fn terms(
    tx: &dyn Tx,
    org: &OrgId,
    field: &SearchField,
    prefix: &str,
    limit: u64,
) -> Result<Vec<String>> {
    let folded = fold(prefix);
    match field {
        SearchField::Id => ids(tx, org, &folded, limit),
        SearchField::Term(kind) => distinct(tx, org, (*kind).into(), &folded, limit, |term| {
            (term.clone(), after(&term))
        }),
        SearchField::Metadata(key) => {
            let begin = note(key, "");
            let found = distinct(tx, org, Kind::Note, &note(key, &folded), limit, |term| {
                (term.clone(), after(&term))
            })?;
            let values = found.iter().filter_map(|term| term.strip_prefix(&begin));
            Ok(values.map(str::to_owned).collect())
        }
        // Keys are not folded.
        SearchField::MetadataKey => distinct(tx, org, Kind::Note, prefix, limit, |term| {
            let key = term.split(SEPARATOR).next().unwrap_or_default().to_owned();
            // Behind all terms with this key.
            let next = Range::of(&note(&key, "")).to;
            (key, next.unwrap_or_default())
        }),
    }
}

/// Where to look for the next term.
fn after(term: &str) -> String {
    format!("{term}\u{1}")
}

/// One look-up for each of them, however many clients have it. `named` gives for a term what to list, and where to go on.
fn distinct(
    tx: &dyn Tx,
    org: &OrgId,
    kind: Kind,
    prefix: &str,
    limit: u64,
    named: impl Fn(String) -> (String, String),
) -> Result<Vec<String>> {
    let range = Range::of(prefix);
    let mut from = range.from;
    let mut found = Vec::new();
    let end = if range.to.is_some() { " AND term < ?4" } else { "" };
    let statement = format!(
        "SELECT term FROM client_terms WHERE org_id = ?1 AND kind = ?2 AND term >= ?3{end} ORDER BY term LIMIT 1"
    );
    while (found.len() as u64) < limit {
        let mut values = vec![Value::from(org), Value::from(kind as i64), Value::from(&from)];
        values.extend(range.to.as_ref().map(Value::from));
        let Some(term) = tx.first(&statement, &values, |row| row.take(0))? else {
            break;
        };
        let (name, next) = named(term);
        found.push(name);
        from = next;
    }
    Ok(found)
}

fn ids(tx: &dyn Tx, org: &OrgId, folded_prefix: &str, limit: u64) -> Result<Vec<String>> {
    let range = super::search::id_range(folded_prefix);
    let mut values = vec![Value::from(org), Value::from(limit), Value::from(&range.from)];
    let end = if range.to.is_some() {
        " AND client_id < ?4"
    } else {
        ""
    };
    values.extend(range.to.as_ref().map(Value::from));
    let statement = format!(
        "SELECT client_id FROM clients WHERE org_id = ?1 AND client_id >= ?3{end} ORDER BY client_id LIMIT ?2"
    );
    tx.all(&statement, &values, |row| {
        Ok(row.take::<ClientId>(0)?.to_string())
    })
}
