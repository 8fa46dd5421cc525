//! Finds clients: how many match, and which of them are on a page.
//!
//! A filter is answered in one of two ways. If few clients match, or a page far behind is wanted, all that match are read and
//! sorted ([`Found`]). If many match, they are counted, and the page is found by walking along an index in the wanted
//! order; what decides whether a client is on the list is in that index, or one look-up away.

use super::found::{Found, text};
use super::pattern::{Range, TermPattern};
use super::record::{ClientFilter, ClientQuery, ClientSort, TermKind};
use super::terms::{self, Kind};
use crate::Result;
use crate::model::Page;
use crate::sql::{Next, Tx, Value, escape_like, fold, pieces, places, values};
use peregrine_base::{ClientId, OrgId};

/// Up to so many matching clients are read rather than looked for along an index.
const FEW: u64 = 2000;
/// From this place on, walking takes longer than reading all.
const FAR: u64 = 1000;

/// The ids on a page, in order.
pub(super) fn page(tx: &dyn Tx, org: &OrgId, query: &ClientQuery) -> Result<Page<ClientId>> {
    let search = Search { tx, org, query };
    match &query.filter {
        ClientFilter::All => search.walk(&Walk::default(), None),
        ClientFilter::Id(pattern) => search.ids(pattern),
        ClientFilter::Term(kinds, pattern) => search.terms(kinds, pattern),
        ClientFilter::NoLabels => search.range(&TermRange::new(Kind::Unlabelled, "")),
        ClientFilter::Metadata(key, pattern) => match pattern.only_prefix() {
            Some(prefix) => search.range(&TermRange::new(Kind::Note, &terms::note(key, prefix))),
            None => search.notes(key, pattern),
        },
        ClientFilter::Recent(user) => search.recent(user),
        ClientFilter::SameHostname => search.sharing(&Shared {
            table: "clients",
            condition: "hostname_folded > ''",
            column: "hostname_folded",
        }),
        ClientFilter::SameMacAddress => search.sharing(&Shared {
            table: "client_terms",
            condition: "kind = 2",
            column: "term",
        }),
    }
}

/// What several clients may have in common. It is sorted by this column in an index.
struct Shared {
    table: &'static str,
    condition: &'static str,
    column: &'static str,
}

/// The column that a list is sorted by. Each has an index with the id and the server behind it.
pub(super) fn column(sort: ClientSort) -> &'static str {
    match sort {
        ClientSort::Hostname => "hostname_folded",
        ClientSort::LastSeen => "last_seen",
        ClientSort::FirstSeen => "first_seen",
        ClientSort::Os => "os",
    }
}

struct Search<'a> {
    tx: &'a dyn Tx,
    org: &'a OrgId,
    query: &'a ClientQuery,
}

/// A condition on a client while an index is walked: `?1` is the organisation, the values are `?2` and so on.
#[derive(Default)]
struct Walk {
    condition: String,
    values: Vec<String>,
}

impl Walk {
    /// Ids that begin with a text.
    fn along_ids(prefix: &str) -> Walk {
        let range = id_range(prefix);
        let mut walk = Walk {
            condition: "AND c.client_id >= ?2".into(),
            values: vec![range.from],
        };
        if let Some(to) = range.to {
            walk.condition.push_str(" AND c.client_id < ?3");
            walk.values.push(to);
        }
        walk
    }
}

/// Ids are stored as they are written: the first letter is large, the others are small.
pub(super) fn id_range(folded_prefix: &str) -> Range {
    let mut characters = folded_prefix.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    Range::of(&first.into_iter().chain(characters).collect::<String>())
}

/// Terms of one kind that begin with a text.
struct TermRange {
    kind: Kind,
    range: Range,
}

impl TermRange {
    fn new(kind: Kind, prefix: &str) -> TermRange {
        TermRange {
            kind,
            range: Range::of(prefix),
        }
    }

    /// The condition on `client_terms t`. The organisation is `?1`, the values are `?2` and, if there are two, `?3`.
    fn condition(&self) -> String {
        let end = match self.range.to {
            Some(_) => " AND t.term < ?3",
            None => "",
        };
        let kind = self.kind as i64;
        format!("t.org_id = ?1 AND t.kind = {kind} AND t.term >= ?2{end}")
    }

    /// The same, true for only one term of each client.
    fn condition_once(&self) -> String {
        let once = match self.range.from.is_empty() {
            true => "t.previous = ''",
            false => "t.previous < ?2",
        };
        format!("{} AND {once}", self.condition())
    }

    fn values(&self) -> Vec<&String> {
        let mut values = vec![&self.range.from];
        values.extend(&self.range.to);
        values
    }
}

impl Search<'_> {
    fn sort(&self) -> ClientSort {
        self.query.sort.unwrap_or(ClientSort::Hostname)
    }

    fn terms(&self, kinds: &[TermKind], pattern: &TermPattern) -> Result<Page<ClientId>> {
        let Some(prefix) = pattern.only_prefix() else {
            return self.texts(kinds, pattern);
        };
        let mut ranges = Vec::new();
        for kind in kinds {
            let range = TermRange::new((*kind).into(), prefix);
            if kinds.len() == 1 || self.has_terms(&range)? {
                ranges.push(range);
            }
        }
        match &*ranges {
            [only] => self.range(only),
            ranges => self.in_ranges(ranges),
        }
    }

    /// The clients with a term in a range.
    fn range(&self, range: &TermRange) -> Result<Page<ClientId>> {
        if self.query.online.is_some() || self.query.offset >= FAR {
            return self.in_ranges(std::slice::from_ref(range));
        }
        // Clients with similar names lie together in the order of names, perhaps far from where the walk would begin.
        let is_by_name = self.sort() == ClientSort::Hostname;
        let bounds = match is_by_name {
            true => ", min(t.hostname_folded), max(t.hostname_folded)",
            false => ", NULL, NULL",
        };
        let counted: Option<(u64, Option<String>, Option<String>)> = self.tx.first(
            &format!(
                "SELECT count(*){bounds} FROM client_terms t WHERE {}",
                range.condition_once()
            ),
            &self.values(range.values()),
            |row| Ok((row.take(0)?, row.take(1)?, row.take(2)?)),
        )?;
        let (total, first, last) = counted.unwrap_or_default();
        if total <= FEW {
            return self.in_ranges(std::slice::from_ref(range));
        }
        let mut walk = Walk {
            condition: format!(
                "AND EXISTS (SELECT 1 FROM client_terms t WHERE t.client_id = c.client_id AND {})",
                range.condition()
            ),
            values: range.values().into_iter().cloned().collect(),
        };
        for (comparison, bound) in [(">=", first), ("<=", last)] {
            let Some(bound) = bound else { continue };
            walk.values.push(bound);
            let place = walk.values.len() + 1;
            walk.condition
                .push_str(&format!(" AND c.hostname_folded {comparison} ?{place}"));
        }
        self.walk(&walk, Some(total))
    }

    /// Walks along the index of the wanted order; counts first if the total is not known.
    fn walk(&self, walk: &Walk, total: Option<u64>) -> Result<Page<ClientId>> {
        let mut condition = format!("c.org_id = ?1 {}", walk.condition);
        if let Some(is_online) = self.query.online {
            let not = if is_online { "NOT" } else { "" };
            condition.push_str(&format!(" AND c.server_id IS {not} NULL"));
        }
        let mut values = self.values(walk.values.iter());
        let total = match total {
            Some(total) => total,
            None => self.tx.one(
                &format!("SELECT count(*) FROM clients c WHERE {condition}"),
                &values,
            )?,
        };
        let column = column(self.sort());
        let direction = if self.query.descending { "DESC" } else { "ASC" };
        values.extend([Value::from(self.query.limit), Value::from(self.query.offset)]);
        let (limit, offset) = (values.len() - 1, values.len());
        let items = self.tx.all(
            &format!(
                "SELECT c.client_id FROM clients c WHERE {condition}
                 ORDER BY c.{column} {direction}, c.client_id {direction} LIMIT ?{limit} OFFSET ?{offset}"
            ),
            &values,
            |row| row.take(0),
        )?;
        Ok(Page { total, items })
    }

    fn values<'v>(&'v self, others: impl IntoIterator<Item = &'v String>) -> Vec<Value<'v>> {
        let mut values = vec![Value::from(self.org)];
        values.extend(others.into_iter().map(Value::from));
        values
    }

    fn has_terms(&self, range: &TermRange) -> Result<bool> {
        self.tx.one(
            &format!(
                "SELECT EXISTS (SELECT 1 FROM client_terms t WHERE {})",
                range.condition()
            ),
            &self.values(range.values()),
        )
    }

    /// Reads all clients with terms in these ranges.
    fn in_ranges(&self, ranges: &[TermRange]) -> Result<Page<ClientId>> {
        let mut found = self.found();
        if ranges.len() > 1 {
            found.expect_repetition();
        }
        for range in ranges {
            let statement = format!(
                "SELECT t.client_id, t.hostname_folded FROM client_terms t WHERE {}",
                range.condition_once()
            );
            let values = self.values(range.values());
            self.tx.query(&statement, &values, &mut |row| found.add(row))?;
        }
        found.page()
    }

    /// Clients whose texts of these kinds have a matching term.
    fn texts(&self, kinds: &[TermKind], pattern: &TermPattern) -> Result<Page<ClientId>> {
        let mut found = self.found();
        let like = pattern.like_in_text();
        let columns: Vec<&str> = kinds.iter().map(|kind| kind.column()).collect();
        let condition: Vec<String> = columns
            .iter()
            .map(|column| format!("{column} LIKE ?2 ESCAPE '\\'"))
            .collect();
        let is_decided = pattern.like_in_text_decides();
        let checked = match is_decided {
            true => String::new(),
            false => format!(", {}", columns.join(", ")),
        };
        let statement = format!(
            "SELECT client_id, hostname_folded{checked} FROM client_texts WHERE org_id = ?1 AND ({})",
            condition.join(" OR ")
        );
        self.tx.query(&statement, &self.values([&like]), &mut |row| {
            let mut matches = is_decided;
            for position in 2..2 + columns.len() {
                matches = matches
                    || text(row, position)?
                        .split(terms::BREAK)
                        .any(|term| !term.is_empty() && pattern.matches(term));
            }
            match matches {
                true => found.add(row),
                false => Ok(Next::Row),
            }
        })?;
        found.page()
    }

    /// Clients with a matching value under this key.
    fn notes(&self, key: &str, pattern: &TermPattern) -> Result<Page<ClientId>> {
        let mut found = self.found();
        let (range, begin) = (
            TermRange::new(Kind::Note, &terms::note(key, pattern.start())),
            terms::note(key, ""),
        );
        let like = terms::note(&escape_like(key), &pattern.like());
        let mut values = self.values(range.values());
        values.push(Value::from(&like));
        let statement = format!(
            "SELECT t.client_id, t.hostname_folded, t.term FROM client_terms t WHERE {} AND t.term LIKE ?{} ESCAPE '\\'",
            range.condition(),
            values.len()
        );
        let is_decided = pattern.like_decides();
        self.tx.query(&statement, &values, &mut |row| {
            let matches = is_decided
                || text(row, 2)?
                    .strip_prefix(&begin)
                    .is_some_and(|value| pattern.matches(value));
            match matches {
                true => found.add(row),
                false => Ok(Next::Row),
            }
        })?;
        found.page()
    }

    fn ids(&self, pattern: &TermPattern) -> Result<Page<ClientId>> {
        let Some(prefix) = pattern.only_prefix() else {
            let mut found = self.found();
            let statement = "SELECT client_id, hostname_folded FROM clients WHERE org_id = ?1";
            self.tx
                .query(
                    statement,
                    values![self.org],
                    &mut |row| match pattern.matches(&fold(text(row, 0)?)) {
                        true => found.add(row),
                        false => Ok(Next::Row),
                    },
                )?;
            return found.page();
        };
        // All ids begin like that.
        if "c.".starts_with(prefix) {
            return self.walk(&Walk::default(), None);
        }
        let walk = Walk::along_ids(prefix);
        let values = self.values(&walk.values);
        let counted = format!(
            "SELECT count(*) FROM clients c WHERE c.org_id = ?1 {}",
            walk.condition
        );
        let total: u64 = self.tx.one(&counted, &values)?;
        if total > FEW {
            return self.walk(&walk, self.query.online.is_none().then_some(total));
        }
        let mut found = self.found();
        let statement = format!(
            "SELECT c.client_id, c.hostname_folded FROM clients c WHERE c.org_id = ?1 {}",
            walk.condition
        );
        self.tx.query(&statement, &values, &mut |row| found.add(row))?;
        found.page()
    }

    /// The last opened first.
    fn recent(&self, user: &str) -> Result<Page<ClientId>> {
        let mut found = self.found();
        self.tx.query(
            "SELECT c.client_id, c.hostname_folded FROM recent_clients r
             JOIN clients c ON c.org_id = r.org_id AND c.client_id = r.client_id
             WHERE r.org_id = ?1 AND r.user_folded = ?2 ORDER BY r.opened DESC, c.client_id",
            values![self.org, &fold(user)],
            &mut |row| found.add(row),
        )?;
        found.page()
    }

    fn sharing(&self, shared: &Shared) -> Result<Page<ClientId>> {
        let Shared {
            table,
            condition,
            column,
        } = shared;
        let mut several = Vec::new();
        let (mut before, mut is_new) = (String::new(), true);
        let statement =
            format!("SELECT {column} FROM {table} WHERE org_id = ?1 AND {condition} ORDER BY {column}");
        self.tx.query(&statement, values![self.org], &mut |row| {
            let now = text(row, 0)?;
            if now != before {
                before.clear();
                before.push_str(now);
                is_new = true;
            } else if is_new {
                several.push(before.clone());
                is_new = false;
            }
            Ok(Next::Row)
        })?;
        let mut found = self.found();
        found.expect_repetition();
        for some in pieces(&several) {
            let statement = format!(
                "SELECT client_id, hostname_folded FROM {table} WHERE org_id = ?1 AND {condition} AND {column} IN ({})",
                places(2, some.len())
            );
            let values = self.values(some);
            self.tx.query(&statement, &values, &mut |row| found.add(row))?;
        }
        found.page()
    }

    fn found(&self) -> Found<'_> {
        Found::new(self.tx, self.org, self.query)
    }
}
