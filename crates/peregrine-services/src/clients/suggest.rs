//! What somebody may want to search for who has begun to type.

use super::search::{VERBS, begins_as_id};
use crate::Result;
use peregrine_store::{Database, SearchField, TermKind};

/// Searches that continue a text: after a verb terms that begin with it, otherwise host names, labels, verbs and keys of
/// metadata. Each finds at least one client, except those that only end with a colon.
pub async fn suggestions(database: &dyn Database, text: &str, limit: u64) -> Result<Vec<String>> {
    let text = text.trim();
    if text.contains('*') {
        return Ok(Vec::new());
    }
    if begins_as_id(text) {
        return Ok(database.search_terms(SearchField::Id, text, limit).await?);
    }
    match text.split_once(':') {
        Some((verb, rest)) => after_verb(database, verb.trim(), rest.trim(), limit).await,
        None => for_word(database, text, limit).await,
    }
}

async fn after_verb(database: &dyn Database, verb: &str, rest: &str, limit: u64) -> Result<Vec<String>> {
    let folded = verb.to_ascii_lowercase();
    let (verb, field, fixed): (&str, Option<SearchField>, &[&str]) = match &*folded {
        "host" => ("host", Some(SearchField::Term(TermKind::Name)), &[]),
        "ip" => ("ip", Some(SearchField::Term(TermKind::Address)), &[]),
        "mac" => ("mac", Some(SearchField::Term(TermKind::MacAddress)), &[]),
        "label" => ("label", Some(SearchField::Term(TermKind::Label)), &["none"]),
        "client" => ("client", Some(SearchField::Id), &[]),
        "duplicate" => ("duplicate", None, &["host", "mac"]),
        "recent" => ("recent", None, &[""]),
        _ => (verb, Some(SearchField::Metadata(verb.to_owned())), &[]),
    };
    let rest = rest.to_lowercase();
    let prefix = match verb {
        "client" if !begins_as_id(&rest) => format!("C.{rest}"),
        _ => rest.clone(),
    };
    let mut found = match field {
        Some(field) => database.search_terms(field, &prefix, limit).await?,
        None => Vec::new(),
    };
    found.extend(
        fixed
            .iter()
            .filter(|name| name.starts_with(&rest))
            .map(|name| (*name).to_owned()),
    );
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found.into_iter().map(|term| format!("{verb}:{term}")).collect())
}

async fn for_word(database: &dyn Database, word: &str, limit: u64) -> Result<Vec<String>> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let hosts = database.search_terms(SearchField::Term(TermKind::Name), word, limit);
    let mut found: Vec<String> = hosts.await?.iter().map(|name| format!("host:{name}")).collect();
    let labels = database
        .search_terms(SearchField::Term(TermKind::Label), word, limit)
        .await?;
    let mut others: Vec<String> = labels.iter().map(|label| format!("label:{label}")).collect();
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        let addresses = database.search_terms(SearchField::Term(TermKind::Address), word, limit);
        others.extend(addresses.await?.iter().map(|address| format!("ip:{address}")));
    }
    let folded = word.to_lowercase();
    others.extend(
        VERBS
            .iter()
            .filter(|verb| verb.starts_with(&folded))
            .map(|verb| format!("{verb}:")),
    );
    let keys = database
        .search_terms(SearchField::MetadataKey, word, limit)
        .await?;
    others.extend(keys.iter().map(|key| format!("{key}:")));
    // However many machines there are, half of the list is left for the rest.
    found.truncate(most.saturating_sub(others.len()).max(most.div_ceil(2)));
    found.extend(others);
    found.truncate(most);
    Ok(found)
}
