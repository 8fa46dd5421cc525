//! Search terms of clients: names, addresses, labels and notes, folded, in tables of their own.

use super::record::{Client, TermKind};
use super::sql;
use crate::Result;
use crate::sql::{ClientKey, Next, Tx, Value, fold, values};
use std::collections::{BTreeMap, BTreeSet};

/// Kind numbers in the table. The order is that of [`TermKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Name = 0,
    Address = 1,
    MacAddress = 2,
    Label = 3,
    Note = 4,
    /// Clients without labels have one term of this kind, which is empty.
    Unlabelled = 5,
}

impl From<TermKind> for Kind {
    fn from(kind: TermKind) -> Kind {
        match kind {
            TermKind::Name => Kind::Name,
            TermKind::Address => Kind::Address,
            TermKind::MacAddress => Kind::MacAddress,
            TermKind::Label => Kind::Label,
        }
    }
}

impl TermKind {
    /// The column of `client_texts` with all terms of this kind.
    pub(super) fn column(self) -> &'static str {
        match self {
            TermKind::Name => "names",
            TermKind::Address => "addresses",
            TermKind::MacAddress => "mac_addresses",
            TermKind::Label => "labels",
        }
    }
}

/// Rows per statement: PostgreSQL needs a round trip for each.
const INSERTED: usize = 16;

/// Separates key and value of a note; a character that users do not put in either.
pub(super) const SEPARATOR: char = '\u{1f}';

/// Stands before, between and after the terms of a text.
pub(super) const BREAK: char = '\n';

/// A note as a term. The key is not folded.
pub(super) fn note(key: &str, folded_value: &str) -> String {
    format!("{key}{SEPARATOR}{folded_value}")
}

/// A row of `client_terms`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Term {
    kind: i64,
    term: String,
    previous: String,
    hostname: String,
}

/// Brings the search terms in line with the client's record. To be called after every change to it that searches see; the
/// change has locked the record, so that another server cannot write terms of an older one.
pub(super) fn write(tx: &dyn Tx, key: &ClientKey) -> Result<()> {
    let Some(client) = sql::load(tx, key)? else {
        return Ok(());
    };
    let by_kind = terms_of(&client);
    let hostname = fold(&client.facts.hostname);
    let wanted = rows(&by_kind, &hostname);
    let stored = stored(tx, key)?;
    for gone in stored.difference(&wanted) {
        delete_row(tx, key, gone)?;
    }
    let new: Vec<&Term> = wanted.difference(&stored).collect();
    for some in new.chunks(INSERTED) {
        insert(tx, key, some)?;
    }
    let text = |kind: Kind| by_kind.get(&(kind as i64)).map_or(String::new(), text);
    tx.execute(
        "INSERT INTO client_texts (org_id, client_id, hostname_folded, names, addresses, mac_addresses, labels)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (org_id, client_id) DO UPDATE SET hostname_folded = excluded.hostname_folded, names = excluded.names,
         addresses = excluded.addresses, mac_addresses = excluded.mac_addresses, labels = excluded.labels",
        values![
            &key.org,
            &key.client,
            &hostname,
            &text(Kind::Name),
            &text(Kind::Address),
            &text(Kind::MacAddress),
            &text(Kind::Label)
        ],
    )?;
    Ok(())
}

fn insert(tx: &dyn Tx, key: &ClientKey, terms: &[&Term]) -> Result<()> {
    let mut values = vec![Value::from(&key.org), Value::from(&key.client)];
    let mut rows = Vec::new();
    for new in terms {
        let at = values.len();
        rows.push(format!(
            "(?1, ?2, ?{}, ?{}, ?{}, ?{})",
            at + 1,
            at + 2,
            at + 3,
            at + 4
        ));
        values.extend(values![new.kind, &new.term, &new.previous, &new.hostname]);
    }
    let statement = format!(
        "INSERT INTO client_terms (org_id, client_id, kind, term, previous, hostname_folded) VALUES {}",
        rows.join(", ")
    );
    tx.execute(&statement, &values)?;
    Ok(())
}

/// The rows there are. All of a client are written together, so its terms and host name tell the rest; they are also all that
/// SQLite finds in the index by client: for more it would read the terms of everybody.
fn stored(tx: &dyn Tx, key: &ClientKey) -> Result<BTreeSet<Term>> {
    let hostname: Option<String> = tx.first(
        "SELECT hostname_folded FROM client_texts WHERE org_id = ?1 AND client_id = ?2",
        values![&key.org, &key.client],
        |row| row.take(0),
    )?;
    let mut by_kind: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    tx.query(
        "SELECT kind, term FROM client_terms WHERE org_id = ?1 AND client_id = ?2",
        values![&key.org, &key.client],
        &mut |row| {
            by_kind.entry(row.take(0)?).or_default().insert(row.take(1)?);
            Ok(Next::Row)
        },
    )?;
    Ok(rows(&by_kind, &hostname.unwrap_or_default()))
}

/// Deletes all terms of a client.
pub(super) fn delete(tx: &dyn Tx, key: &ClientKey) -> Result<()> {
    for term in stored(tx, key)? {
        delete_row(tx, key, &term)?;
    }
    tx.execute(
        "DELETE FROM client_texts WHERE org_id = ?1 AND client_id = ?2",
        values![&key.org, &key.client],
    )?;
    Ok(())
}

fn delete_row(tx: &dyn Tx, key: &ClientKey, term: &Term) -> Result<()> {
    tx.execute(
        "DELETE FROM client_terms WHERE org_id = ?1 AND kind = ?2 AND term = ?3 AND client_id = ?4",
        values![&key.org, term.kind, &term.term, &key.client],
    )?;
    Ok(())
}

fn terms_of(client: &Client) -> BTreeMap<i64, BTreeSet<String>> {
    let facts = &client.facts;
    let folded = |texts: &[&String]| -> BTreeSet<String> {
        let texts = texts.iter().filter(|text| !text.is_empty());
        texts.map(|text| fold(text)).collect()
    };
    let all = |texts: &[String]| folded(&texts.iter().collect::<Vec<_>>());
    let mut addresses = all(&facts.addresses);
    addresses.extend(folded(&[&client.last_ip]));
    let notes = client.metadata.iter();
    let mut terms = BTreeMap::from([
        (Kind::Name, folded(&[&facts.hostname, &facts.fqdn])),
        (Kind::Address, addresses),
        (Kind::MacAddress, all(&facts.mac_addresses)),
        (Kind::Label, all(&client.labels)),
        (
            Kind::Note,
            notes.map(|(name, value)| note(name, &fold(value))).collect(),
        ),
    ]);
    if client.labels.is_empty() {
        terms.insert(Kind::Unlabelled, BTreeSet::from([String::new()]));
    }
    let terms = terms.into_iter().filter(|(_, terms)| !terms.is_empty());
    terms.map(|(kind, terms)| (kind as i64, terms)).collect()
}

fn rows(by_kind: &BTreeMap<i64, BTreeSet<String>>, hostname: &str) -> BTreeSet<Term> {
    let mut rows = BTreeSet::new();
    for (kind, terms) in by_kind {
        let mut previous = String::new();
        for term in terms {
            rows.insert(Term {
                kind: *kind,
                term: term.clone(),
                previous: std::mem::replace(&mut previous, term.clone()),
                hostname: hostname.to_owned(),
            });
        }
    }
    rows
}

fn text(terms: &BTreeSet<String>) -> String {
    let mut text = String::from(BREAK);
    for term in terms {
        text.push_str(term);
        text.push(BREAK);
    }
    text
}
