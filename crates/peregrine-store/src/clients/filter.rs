//! SQL conditions for filters on the client list.

use super::record::ClientFilter;
use super::terms::{self, Kind};
use crate::sql::{escape_like, fold};

/// A condition on the table `clients c` (`?1` is the organisation), and the values of its further parameters, from `?2`
/// on.
pub(super) fn condition(filter: &ClientFilter) -> (String, Vec<String>) {
    match filter {
        ClientFilter::All => ("c.org_id = ?1".into(), Vec::new()),
        ClientFilter::NoLabels => ("c.org_id = ?1 AND c.labels = '[]'".into(), Vec::new()),
        ClientFilter::Any(text) => {
            let condition = format!(
                "c.org_id = ?1 AND ({} OR {} OR lower(c.client_id) LIKE ?2 ESCAPE '\\' OR c.last_ip LIKE ?2 ESCAPE '\\')",
                has_term(Kind::Name),
                has_term(Kind::Address)
            );
            (condition, vec![format!("%{}%", escape_like(&fold(text)))])
        }
        ClientFilter::Host(pattern) => by_term(Kind::Name, open_glob(pattern)),
        ClientFilter::Label(pattern) => by_term(Kind::Label, open_glob(pattern)),
        ClientFilter::Mac(pattern) => by_term(Kind::MacAddress, open_glob(pattern)),
        ClientFilter::Ip(pattern) => {
            let condition = format!(
                "c.org_id = ?1 AND ({} OR c.last_ip LIKE ?2 ESCAPE '\\')",
                has_term(Kind::Address)
            );
            (condition, vec![open_glob(pattern)])
        }
        ClientFilter::Id(pattern) => (
            "c.org_id = ?1 AND lower(c.client_id) LIKE ?2 ESCAPE '\\'".into(),
            vec![open_glob(pattern)],
        ),
        ClientFilter::Metadata(key, pattern) => {
            by_term(Kind::Note, terms::note(&escape_like(key), &open_glob(pattern)))
        }
    }
}

fn by_term(kind: Kind, pattern: String) -> (String, Vec<String>) {
    (format!("c.org_id = ?1 AND {}", has_term(kind)), vec![pattern])
}

fn has_term(kind: Kind) -> String {
    format!(
        "c.client_id IN (SELECT t.client_id FROM client_terms t WHERE t.org_id = ?1 AND t.kind = {} AND t.term LIKE ?2 ESCAPE '\\')",
        kind as i64
    )
}

/// `*` matches anything; a pattern without `*` is a prefix.
fn open_glob(pattern: &str) -> String {
    let escaped = escape_like(&fold(pattern));
    if escaped.contains('*') {
        escaped.replace('*', "%")
    } else {
        escaped + "%"
    }
}
