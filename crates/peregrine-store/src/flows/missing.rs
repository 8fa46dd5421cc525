//! What an agent announced but the server never received. A collection with something missing does not count as finished.
//!
//! Packets are delivered at least once and in any order, so a gap means nothing by itself: it counts only once the agent
//! has reported the end of the flow, and stops counting if the rows arrive after all.

use super::record::{FlowState, state_number};
use crate::Result;
use crate::rows::Outcome;
use crate::sql::{ClientKey, Row, Tx, values};
use peregrine_base::FlowId;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;

/// Gaps remembered per set. Only a hostile agent causes more; rows it repeats may then be stored twice.
const MAX_GAPS: usize = 1000;
/// Open uploads and losses remembered per flow.
const MAX_NOTED: u64 = 1000;
/// Missing items listed in a flow's status, and characters of each; the others are only counted.
const MAX_LISTED: usize = 10;
const MAX_LETTERS: usize = 500;
/// Sets with gaps that are examined per flow.
const MAX_SETS: i64 = 100;

/// Which row numbers of a set have arrived: all below `next`, except the holes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// One past the highest number that arrived.
    pub(crate) next: u64,
    /// In order, without overlap.
    holes: Vec<Range<u64>>,
}

impl Gaps {
    pub(crate) fn parse(next: u64, text: &str) -> Gaps {
        let pairs: Vec<(u64, u64)> = serde_json::from_str(text).unwrap_or_default();
        Gaps {
            next,
            holes: pairs.into_iter().map(|(start, end)| start..end).collect(),
        }
    }

    pub(crate) fn to_text(&self) -> String {
        if self.holes.is_empty() {
            return String::new();
        }
        let pairs: Vec<(u64, u64)> = self.holes.iter().map(|hole| (hole.start, hole.end)).collect();
        serde_json::to_string(&pairs).unwrap_or_default()
    }

    /// Marks these rows as arrived; returns the ranges that had not arrived before.
    pub fn take(&mut self, rows: Range<u64>) -> Vec<Range<u64>> {
        let (mut new, mut left) = (Vec::new(), Vec::new());
        for hole in std::mem::take(&mut self.holes) {
            let found = hole.start.max(rows.start)..hole.end.min(rows.end);
            if found.is_empty() {
                left.push(hole);
                continue;
            }
            left.extend(
                [hole.start..found.start, found.end..hole.end]
                    .into_iter()
                    .filter(|part| !part.is_empty()),
            );
            new.push(found);
        }
        if rows.start > self.next {
            left.push(self.next..rows.start);
        }
        while left.len() > MAX_GAPS {
            let Some(last) = left.pop() else { break };
            if let Some(before) = left.last_mut() {
                before.end = last.end;
            }
        }
        self.holes = left;
        let beyond = rows.start.max(self.next)..rows.end;
        if !beyond.is_empty() {
            self.next = beyond.end;
            new.push(beyond);
        }
        new
    }
}

/// Records a file whose first piece has arrived.
pub(crate) fn upload_begun(
    tx: &dyn Tx,
    key: &ClientKey,
    flow: &FlowId,
    object: &str,
    vfs_path: &str,
) -> Result<Outcome> {
    note(tx, key, flow, "open_uploads", || {
        tx.execute(
            "INSERT INTO open_uploads (org_id, client_id, flow_id, object, vfs_path) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
            values![&key.org, &key.client, flow, object, vfs_path],
        )
    })
}

/// Records something that arrived but could not be stored.
pub(crate) fn lost(tx: &dyn Tx, key: &ClientKey, flow: &FlowId, what: &str) -> Result<Outcome> {
    note(tx, key, flow, "losses", || {
        tx.execute(
            "INSERT INTO losses (org_id, client_id, flow_id, what) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            values![&key.org, &key.client, flow, what],
        )
    })
}

fn note(
    tx: &dyn Tx,
    key: &ClientKey,
    flow: &FlowId,
    table: &str,
    insert: impl FnOnce() -> Result<u64>,
) -> Result<Outcome> {
    let noted: Option<u64> = tx.first(
        &format!(
            "SELECT (SELECT count(*) FROM {table} WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3)
             FROM flows WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3"
        ),
        values![&key.org, &key.client, flow],
        |row| row.take(0),
    )?;
    let Some(noted) = noted else {
        return Ok(Outcome::UnknownFlow);
    };
    if noted < MAX_NOTED {
        insert()?;
    }
    Ok(Outcome::Done)
}

/// Updates state and status of a flow whose end was reported, so that they say what is missing, or no longer do.
pub(crate) fn settle(tx: &dyn Tx, key: &ClientKey, flow: &FlowId) -> Result<()> {
    let found = tx.first(
        "SELECT reported_state, reported_status, state, status, query_stats FROM flows
         WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3 AND reported_state IS NOT NULL",
        values![&key.org, &key.client, flow],
        |row| Settled::read(row),
    )?;
    let Some(Settled {
        reported,
        reason,
        state,
        status,
        query_stats,
    }) = found
    else {
        return Ok(());
    };
    let missing = describe(find_missing(tx, key, flow, &query_stats)?);
    let (new_state, new_status) = match (missing, reason) {
        (None, reason) => (reported, reason),
        (Some(missing), None) => (state_number(FlowState::Error), Some(missing)),
        (Some(missing), Some(reason)) => (
            state_number(FlowState::Error),
            Some(format!("{reason}; {missing}")),
        ),
    };
    if (new_state, &new_status) == (state, &status) {
        return Ok(());
    }
    if new_state != reported {
        tracing::warn!(
            client_id = %key.client,
            flow_id = %flow,
            status = new_status,
            "a collection is incomplete"
        );
    }
    tx.execute(
        "UPDATE flows SET state = ?4, status = ?5 WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
        values![&key.org, &key.client, flow, new_state, new_status.as_ref()],
    )?;
    Ok(())
}

/// A flow whose end was reported.
struct Settled {
    reported: i64,
    reason: Option<String>,
    state: i64,
    status: Option<String>,
    query_stats: String,
}

impl Settled {
    fn read(row: &dyn Row) -> Result<Settled> {
        Ok(Settled {
            reported: row.get("reported_state")?,
            reason: row.get("reported_status")?,
            state: row.get("state")?,
            status: row.get("status")?,
            query_stats: row.get("query_stats")?,
        })
    }
}

/// What is missing: a count and a few descriptions. A lying agent can cause thousands, and this runs for every packet of
/// its flow.
#[derive(Debug, Default, PartialEq, Eq)]
struct Missing {
    listed: Vec<String>,
    count: usize,
}

impl Missing {
    fn add(&mut self, what: impl FnOnce() -> String) {
        self.count += 1;
        if self.listed.len() < MAX_LISTED {
            self.listed.push(what());
        }
    }
}

fn find_missing(tx: &dyn Tx, key: &ClientKey, flow: &FlowId, query_stats: &str) -> Result<Missing> {
    let mut missing = Missing::default();
    let of_flow = values![&key.org, &key.client, flow];
    let [org, client, id] = *of_flow;
    let with_holes = tx.all(
        "SELECT kind, name, agent_next, gaps FROM result_sets
         WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3 AND kind < 2 AND gaps <> '' ORDER BY kind, id LIMIT ?4",
        &[org, client, id, MAX_SETS.into()],
        |row| {
            let gaps = Gaps::parse(row.get("agent_next")?, &row.get::<String>("gaps")?);
            Ok((row.get::<i64>("kind")?, row.get::<String>("name")?, gaps))
        },
    )?;
    for (kind, name, gaps) in with_holes {
        for hole in &gaps.holes {
            missing.add(|| match kind {
                0 => format!("{} of `{name}`", numbers(hole)),
                _ => format!("{} of the log", numbers(hole)),
            });
        }
    }
    let arrived = tx.all(
        "SELECT name, agent_next FROM result_sets WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3 AND kind = 0",
        of_flow,
        |row| Ok((row.take(0)?, row.take(1)?)),
    )?;
    for tail in tails(&arrived.into_iter().collect(), query_stats) {
        missing.add(|| tail);
    }
    for (table, column) in [
        ("open_uploads", "'the end of file `' || vfs_path || '`'"),
        ("losses", "what"),
    ] {
        let condition = format!("FROM {table} WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3");
        let count: u64 = tx.one(&format!("SELECT count(*) {condition}"), of_flow)?;
        let some: Vec<String> = tx.all(
            &format!("SELECT {column} {condition} LIMIT ?4"),
            &[org, client, id, (MAX_LISTED as u64).into()],
            |row| row.take(0),
        )?;
        let listed = some.len();
        for what in some {
            missing.add(|| clipped(&what).to_owned());
        }
        missing.count += usize::try_from(count).unwrap_or(0).saturating_sub(listed);
    }
    Ok(missing)
}

/// The text, cut to what fits in a status.
fn clipped(text: &str) -> &str {
    text.char_indices()
        .nth(MAX_LETTERS)
        .map_or(text, |(end, _)| text.get(..end).unwrap_or_default())
}

/// The part of a query's state that the server uses.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Query {
    result_rows: i64,
    names_with_response: Vec<String>,
}

/// Rows missing at the end: the agent counted more than have arrived.
fn tails(arrived: &BTreeMap<String, u64>, query_stats: &str) -> Vec<String> {
    let queries: Vec<Query> = serde_json::from_str(query_stats).unwrap_or_default();
    // Queries with the same result name share a set, but each counts its own rows.
    let mut counted: BTreeMap<&[String], u64> = BTreeMap::new();
    for query in &queries {
        let count = counted.entry(&query.names_with_response).or_default();
        *count = (*count).max(u64::try_from(query.result_rows).unwrap_or(0));
    }
    let have = |name: &String| arrived.get(name).copied().unwrap_or(0);
    let tail = |(names, counted): (&[String], u64)| match names {
        [] => None,
        [name] => {
            let tail = have(name)..counted;
            (!tail.is_empty()).then(|| format!("{} of `{name}`", numbers(&tail)))
        }
        names => {
            let count = counted
                .checked_sub(names.iter().map(have).fold(0, u64::saturating_add))
                .filter(|count| *count > 0)?;
            Some(format!("{count} rows of `{}`", names.join("`, `")))
        }
    };
    counted.into_iter().filter_map(tail).collect()
}

fn numbers(range: &Range<u64>) -> String {
    match range.end.saturating_sub(1) {
        last if last == range.start => format!("row {last}"),
        last => format!("rows {}–{last}", range.start),
    }
}

fn describe(missing: Missing) -> Option<String> {
    let Missing { mut listed, count } = missing;
    if listed.is_empty() {
        return None;
    }
    let more = count.saturating_sub(listed.len());
    if more > 0 {
        listed.push(format!("{more} more"));
    }
    Some(format!(
        "incomplete, the agent sent but the server lacks: {}",
        listed.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_may_come_in_any_order_and_twice() {
        let mut gaps = Gaps::default();
        let mut take = |start: u64, end: u64| -> Vec<(u64, u64)> {
            let new = gaps.take(start..end);
            new.into_iter().map(|range| (range.start, range.end)).collect()
        };
        assert_eq!(take(0, 10), [(0, 10)]);
        assert_eq!(take(20, 30), [(20, 30)]);
        assert_eq!(take(0, 30), [(10, 20)], "only what is new");
        assert_eq!(take(5, 30), []);
        assert_eq!(take(40, 50), [(40, 50)]);
        assert_eq!(take(33, 35), [(33, 35)]);
        assert_eq!((gaps.to_text().as_str(), gaps.next), ("[[30,33],[35,40]]", 50));
        assert_eq!(gaps.take(25..60), [30..33, 35..40, 50..60]);
        assert_eq!(Gaps::parse(60, ""), gaps);
    }

    #[test]
    fn hostile_holes_are_bounded() {
        let mut gaps = Gaps::default();
        for n in 0..5000 {
            gaps.take(n * 2 + 1..n * 2 + 2);
        }
        assert!(gaps.holes.len() <= MAX_GAPS);
        assert_eq!(Gaps::parse(gaps.next, &gaps.to_text()), gaps);
    }

    #[test]
    fn counts_that_are_lies_add_up_to_something() {
        let most = i64::MAX.unsigned_abs();
        let arrived = ["A", "B", "C"].map(|name| (name.to_owned(), most));
        let stats = r#"[{"result_rows": 9, "names_with_response": ["A", "B", "C"]}]"#;
        assert!(tails(&BTreeMap::from(arrived), stats).is_empty());
    }

    #[test]
    fn much_that_is_missing_is_told_in_few_words() {
        let mut missing = Missing::default();
        (0..1000).for_each(|n| missing.add(|| format!("row {n}")));
        let text = describe(missing).unwrap();
        assert!(text.ends_with("row 9, 990 more"), "{text}");
        assert_eq!(clipped(&"ä".repeat(9000)).chars().count(), MAX_LETTERS);
        assert_eq!(clipped("short"), "short");
    }

    #[test]
    fn what_the_agent_counted_must_have_come() {
        let arrived = BTreeMap::from([("A/S".to_owned(), 5), ("B".to_owned(), 3)]);
        let stats = |text: &str| tails(&arrived, text);
        assert!(stats(r#"[{"result_rows": 5, "names_with_response": ["A/S"]}]"#).is_empty());
        assert!(stats("[]").is_empty() && stats(r#"[{"result_rows": 9}]"#).is_empty());
        assert_eq!(
            stats(r#"[{"result_rows": 8, "names_with_response": ["A/S"]}]"#),
            ["rows 5–7 of `A/S`"]
        );
        assert_eq!(
            stats(r#"[{"result_rows": 1, "names_with_response": ["C"]}]"#),
            ["row 0 of `C`"]
        );
        assert_eq!(
            stats(r#"[{"result_rows": 9, "names_with_response": ["A/S", "B"]}]"#),
            ["1 rows of `A/S`, `B`"]
        );
    }
}
