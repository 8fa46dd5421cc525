//! A page of clients that were all found: they come row by row, and are counted, sorted and cut here.

use super::id_set::IdSet;
use super::record::{ClientFilter, ClientQuery, ClientSort};
use super::search::column;
use crate::model::Page;
use crate::sql::{FromValue, Next, Row, Tx, Value, pieces, places, values};
use crate::{Error, Result};
use peregrine_base::{ClientId, OrgId};
use std::cmp::Ordering;

/// Up to so many clients are looked up; for more, walking along an index is faster.
const ASKED: usize = 2000;

/// Bytes of most ids, with a space.
const ID_LENGTH: usize = 19;

pub(super) struct Found<'a> {
    tx: &'a dyn Tx,
    org: &'a OrgId,
    query: &'a ClientQuery,
    online: Online,
    /// Those that came, if some may come again.
    seen: Option<IdSet>,
    total: u64,
    kept: Kept,
}

/// Whether those that come are online.
enum Online {
    /// It does not matter.
    Any,
    /// They wait here, with their names, to be asked; if many come, it is faster to read all that are online.
    Waiting(Vec<(String, String)>),
    /// These are.
    Known(IdSet),
}

/// What is kept of those that come.
enum Kept {
    /// Which of them may be on the page, in the order of names.
    Names(Names),
    /// Their ids, in the order in which they came.
    Ids(Vec<String>),
}

impl<'a> Found<'a> {
    pub(super) fn new(tx: &'a dyn Tx, org: &'a OrgId, query: &'a ClientQuery) -> Found<'a> {
        let kept = match (query.sort, &query.filter) {
            (Some(ClientSort::Hostname), _) => Kept::Names(Names::new(query)),
            (None, filter) if !matches!(filter, ClientFilter::Recent(_)) => Kept::Names(Names::new(query)),
            _ => Kept::Ids(Vec::new()),
        };
        let online = match query.online {
            None => Online::Any,
            Some(_) => Online::Waiting(Vec::new()),
        };
        Found {
            tx,
            org,
            query,
            online,
            seen: None,
            total: 0,
            kept,
        }
    }

    /// From now on, a client that came already does not count.
    pub(super) fn expect_repetition(&mut self) {
        self.seen.get_or_insert_default();
    }

    /// Adds the client of a row that begins with id and host name.
    pub(super) fn add(&mut self, row: &dyn Row) -> Result<Next> {
        let (client_id, hostname) = (text(row, 0)?, text(row, 1)?);
        if let Some(seen) = &mut self.seen
            && !seen.insert(client_id)
        {
            return Ok(Next::Row);
        }
        match &mut self.online {
            Online::Any => self.keep(client_id, hostname),
            Online::Known(online) => {
                if Some(online.contains(client_id)) == self.query.online {
                    self.keep(client_id, hostname);
                }
            }
            Online::Waiting(waiting) => {
                waiting.push((client_id.to_owned(), hostname.to_owned()));
                if waiting.len() > ASKED {
                    let online = self.all_online()?;
                    self.end_waiting(online);
                }
            }
        }
        Ok(Next::Row)
    }

    fn keep(&mut self, client_id: &str, hostname: &str) {
        self.total += 1;
        match &mut self.kept {
            Kept::Names(names) => names.add(hostname, client_id),
            Kept::Ids(ids) => ids.push(client_id.to_owned()),
        }
    }

    /// Keeps those of the waiting that are wanted.
    fn end_waiting(&mut self, online: IdSet) {
        let before = std::mem::replace(&mut self.online, Online::Any);
        if let Online::Waiting(waiting) = before {
            for (client_id, hostname) in &waiting {
                if Some(online.contains(client_id)) == self.query.online {
                    self.keep(client_id, hostname);
                }
            }
        }
        self.online = Online::Known(online);
    }

    pub(super) fn page(mut self) -> Result<Page<ClientId>> {
        if let Online::Waiting(waiting) = &self.online {
            let online = self.online_among(waiting)?;
            self.end_waiting(online);
        }
        let (tx, org, query, total) = (self.tx, self.org, self.query, self.total);
        let ids = match (self.kept, query.sort) {
            (Kept::Names(names), _) => names.page(),
            (Kept::Ids(ids), None) => part(ids, query),
            (Kept::Ids(ids), Some(sort)) if ids.len() <= ASKED => by_key(tx, org, query, &ids, sort)?,
            (Kept::Ids(ids), Some(sort)) => walk(tx, org, query, &ids, sort)?,
        };
        let items = ids.iter().map(|id| ClientId::from_value(Value::Text(id)));
        Ok(Page {
            total,
            items: items.collect::<Result<_>>()?,
        })
    }

    fn online_among(&self, clients: &[(String, String)]) -> Result<IdSet> {
        let mut online = IdSet::default();
        let ids: Vec<&String> = clients.iter().map(|(client_id, _)| client_id).collect();
        of_each(self.tx, self.org, &ids, "server_id", &mut |row| {
            if row.take::<Option<String>>(1)?.is_some() {
                online.insert(text(row, 0)?);
            }
            Ok(())
        })?;
        Ok(online)
    }

    fn all_online(&self) -> Result<IdSet> {
        // One text: as many rows take twice the time.
        let ids: Option<String> = self.tx.one(
            "SELECT string_agg(client_id, ' ') FROM clients WHERE org_id = ?1 AND server_id IS NOT NULL",
            values![self.org],
        )?;
        let ids = ids.unwrap_or_default();
        let mut online = IdSet::with_capacity(ids.len() / ID_LENGTH);
        for id in ids.split(' ').filter(|id| !id.is_empty()) {
            online.insert(id);
        }
        Ok(online)
    }
}

/// A text without a copy of it.
pub(super) fn text(row: &dyn Row, position: usize) -> Result<&str> {
    match row.at(position)? {
        Value::Text(text) => Ok(text),
        _ => Err(Error::Sql(format!("column {position} is no text"))),
    }
}

/// Host names and ids. Of many, only those are kept that may be on the page or before it.
struct Names {
    start: usize,
    end: usize,
    is_descending: bool,
    entries: Vec<(String, String)>,
    /// The last one that can still be before the end of the page.
    last: Option<(String, String)>,
}

impl Names {
    fn new(query: &ClientQuery) -> Names {
        Names {
            start: place(query.offset),
            end: place(query.offset.saturating_add(query.limit)),
            is_descending: query.descending,
            entries: Vec::new(),
            last: None,
        }
    }

    fn add(&mut self, hostname: &str, client_id: &str) {
        if let Some((last_name, last_id)) = &self.last {
            let order = (hostname, client_id).cmp(&(last_name, last_id));
            if self.directed(order) != Ordering::Less {
                return;
            }
        }
        self.entries.push((hostname.to_owned(), client_id.to_owned()));
        if self.entries.len() >= self.end.saturating_mul(2).max(256) {
            self.forget();
        }
    }

    /// Keeps what is before the end of the page.
    fn forget(&mut self) {
        if self.end < self.entries.len() {
            let is_descending = self.is_descending;
            let compare = |a: &(String, String), b: &(String, String)| directed(is_descending, a.cmp(b));
            let (_, first_behind, _) = self.entries.select_nth_unstable_by(self.end, compare);
            self.last = Some(first_behind.clone());
            self.entries.truncate(self.end);
        }
    }

    fn page(mut self) -> Vec<String> {
        self.forget();
        let is_descending = self.is_descending;
        let compare = |a: &(String, String), b: &(String, String)| directed(is_descending, a.cmp(b));
        let start = self.start.min(self.entries.len());
        if start > 0 && start < self.entries.len() {
            self.entries.select_nth_unstable_by(start, compare);
        }
        let mut page = self.entries.split_off(start);
        page.sort_unstable_by(compare);
        page.into_iter().map(|(_, client_id)| client_id).collect()
    }

    fn directed(&self, order: Ordering) -> Ordering {
        directed(self.is_descending, order)
    }
}

fn directed(is_descending: bool, order: Ordering) -> Ordering {
    match is_descending {
        true => order.reverse(),
        false => order,
    }
}

/// A place in a list.
fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The page of a list that is in order.
fn part(ids: Vec<String>, query: &ClientQuery) -> Vec<String> {
    let ids = ids.into_iter().skip(place(query.offset));
    ids.take(place(query.limit)).collect()
}

/// Rows with the id and a column of each of these clients.
fn of_each(
    tx: &dyn Tx,
    org: &OrgId,
    ids: &[&String],
    column: &str,
    each: &mut dyn FnMut(&dyn Row) -> Result<()>,
) -> Result<()> {
    for some in pieces(ids) {
        let mut values = vec![Value::from(org)];
        values.extend(some.iter().map(|id| Value::from(**id)));
        // The last column is in no index: if all were in one, SQLite would read the whole of it instead of looking each up.
        let statement = format!(
            "SELECT client_id, {column}, last_ip FROM clients WHERE org_id = ?1 AND client_id IN ({})",
            places(2, some.len())
        );
        tx.query(&statement, &values, &mut |row| each(row).map(|()| Next::Row))?;
    }
    Ok(())
}

/// What a client is sorted by.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum SortKey {
    Number(i64),
    Text(String),
}

fn by_key(
    tx: &dyn Tx,
    org: &OrgId,
    query: &ClientQuery,
    ids: &[String],
    sort: ClientSort,
) -> Result<Vec<String>> {
    let mut keys: Vec<(SortKey, String)> = Vec::with_capacity(ids.len());
    let all: Vec<&String> = ids.iter().collect();
    of_each(tx, org, &all, column(sort), &mut |row| {
        let key = match sort {
            ClientSort::Hostname | ClientSort::Os => SortKey::Text(row.take(1)?),
            ClientSort::LastSeen | ClientSort::FirstSeen => SortKey::Number(row.take(1)?),
        };
        keys.push((key, row.take(0)?));
        Ok(())
    })?;
    keys.sort_unstable_by(|a, b| directed(query.descending, a.cmp(b)));
    Ok(part(keys.into_iter().map(|(_, id)| id).collect(), query))
}

/// Walks along the index of an order until the page is full.
fn walk(
    tx: &dyn Tx,
    org: &OrgId,
    query: &ClientQuery,
    ids: &[String],
    sort: ClientSort,
) -> Result<Vec<String>> {
    let mut wanted = IdSet::with_capacity(ids.len());
    for id in ids {
        wanted.insert(id);
    }
    let (column, direction) = (column(sort), if query.descending { "DESC" } else { "ASC" });
    let (mut before, mut page) = (query.offset, Vec::new());
    let statement = format!(
        "SELECT client_id FROM clients WHERE org_id = ?1 ORDER BY {column} {direction}, client_id {direction}"
    );
    tx.query(&statement, values![org], &mut |row| {
        if page.len() as u64 >= query.limit {
            return Ok(Next::Enough);
        }
        let id = text(row, 0)?;
        if wanted.contains(id) {
            match before {
                0 => page.push(id.to_owned()),
                _ => before -= 1,
            }
        }
        Ok(Next::Row)
    })?;
    Ok(page)
}
