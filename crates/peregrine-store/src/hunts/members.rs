//! The clients of a hunt, and what became of their collections.

use super::record::{HuntTotals, Member, MemberQuery, MemberSort, MemberState, StartedFlow, StartedPage};
use crate::Result;
use crate::clients::ClientFacts;
use crate::flows::{Flow, flow_state};
use crate::model::{Micros, Page};
use crate::sql::{Row, Tx, Value, escape_like, fold, pieces, places, values};
use peregrine_base::{ClientId, FlowId, HuntId, OrgId};
use std::collections::HashMap;

/// Clients that take part, each with its collection.
const MEMBERS: &str = "hunt_clients m
    LEFT JOIN flows f ON f.org_id = m.org_id AND f.client_id = m.client_id AND f.flow_id = m.flow_id";

pub(super) fn list(tx: &dyn Tx, org: &OrgId, query: &MemberQuery) -> Result<Page<Member>> {
    let search = query
        .search
        .as_ref()
        .map(|text| format!("%{}%", escape_like(&fold(text))));
    let mut conditions = vec!["m.org_id = ?1 AND m.hunt_id = ?2".to_owned()];
    let mut values: Vec<Value<'_>> = vec![org.into(), (&query.hunt_id).into()];
    if let Some(client) = &query.client_id {
        values.push(client.into());
        conditions.push(format!("m.client_id = ?{}", values.len()));
    }
    if let Some(pattern) = &search {
        values.push(pattern.into());
        let place = values.len();
        conditions.push(format!(
            "(c.hostname_folded LIKE ?{place} ESCAPE '\\' OR lower(m.client_id) LIKE ?{place} ESCAPE '\\')"
        ));
    }
    if let Some(state) = query.state {
        conditions.push(in_state(state, query.silent_since, &mut values));
    }
    let from = format!(
        "FROM {MEMBERS} LEFT JOIN clients c ON c.org_id = m.org_id AND c.client_id = m.client_id WHERE {}",
        conditions.join(" AND ")
    );
    let total = tx.one(&format!("SELECT count(*) {from}"), &values)?;
    let order = match query.sort {
        MemberSort::Joined => "m.joined",
        MemberSort::Hostname => "coalesce(c.hostname_folded, '')",
        MemberSort::State => "coalesce(f.state, 0)",
        MemberSort::Rows => "coalesce(f.row_count, 0)",
        MemberSort::UploadedBytes => "coalesce(f.uploaded_bytes, 0)",
        MemberSort::Duration => "coalesce(f.duration_ns, 0)",
    };
    let direction = if query.descending { "DESC" } else { "ASC" };
    values.extend([Value::from(query.limit), Value::from(query.offset)]);
    let (limit, offset) = (values.len() - 1, values.len());
    let items = tx.all(
        &format!(
            "SELECT m.client_id, m.flow_id, m.joined, c.facts, c.server_id, c.last_seen, f.state, f.status, f.creator, f.created,
             f.delivered, f.started, f.last_active, f.heard, f.finished, f.duration_ns, f.row_count, f.log_count,
             f.uploaded_files, f.uploaded_bytes, f.urgent {from}
             ORDER BY {order} {direction}, m.client_id {direction} LIMIT ?{limit} OFFSET ?{offset}"
        ),
        &values,
        to_member,
    )?;
    Ok(Page { total, items })
}

/// That the collection is in this state.
fn in_state<'a>(state: MemberState, silent_since: i64, values: &mut Vec<Value<'a>>) -> String {
    let mut running = |condition: &str| {
        values.push(silent_since.into());
        let silent_since = format!("?{}", values.len());
        format!("f.state = 1 AND {}", condition.replace("SILENT", &silent_since))
    };
    match state {
        MemberState::Waiting => running("(f.delivered IS NULL OR f.heard IS NULL AND f.delivered >= SILENT)"),
        MemberState::InProgress => running("f.delivered IS NOT NULL AND f.heard >= SILENT"),
        MemberState::Unresponsive => {
            running("f.delivered IS NOT NULL AND coalesce(f.heard, f.delivered) < SILENT")
        }
        MemberState::Finished => "f.state = 2".into(),
        MemberState::Error => "f.state = 3".into(),
        MemberState::Cancelled => "f.state = 7".into(),
        MemberState::Deleted => "f.state IS NULL".into(),
    }
}

fn to_member(row: &dyn Row) -> Result<Member> {
    let client_id: ClientId = row.get("client_id")?;
    let flow_id: FlowId = row.get("flow_id")?;
    let flow = match row.get::<Option<i64>>("state")? {
        None => None,
        Some(state) => Some(Flow {
            state: flow_state(state),
            status: row.get("status")?,
            creator: row.get("creator")?,
            created: row.get("created")?,
            delivered: row.get("delivered")?,
            started: row.get("started")?,
            last_active: row.get("last_active")?,
            heard: row.get("heard")?,
            finished: row.get("finished")?,
            duration_ns: row.get("duration_ns")?,
            rows: row.get("row_count")?,
            logs: row.get("log_count")?,
            uploaded_files: row.get("uploaded_files")?,
            uploaded_bytes: row.get("uploaded_bytes")?,
            urgent: row.get("urgent")?,
            ..Flow::new(client_id.clone(), flow_id.clone())
        }),
    };
    let facts: Option<String> = row.get("facts")?;
    let facts = match facts {
        Some(facts) => serde_json::from_str(&facts)?,
        None => ClientFacts::default(),
    };
    Ok(Member {
        hostname: facts.hostname,
        fqdn: facts.fqdn,
        is_online: row.get::<Option<String>>("server_id")?.is_some(),
        last_seen: row.get::<Option<i64>>("last_seen")?.unwrap_or_default(),
        joined: row.get("joined")?,
        client_id,
        flow_id,
        flow,
    })
}

pub(super) fn count(tx: &dyn Tx, org: &OrgId, hunt_id: &HuntId) -> Result<HuntTotals> {
    let number = |condition: &str| format!("sum(CASE WHEN {condition} THEN 1 ELSE 0 END)");
    let columns: Vec<String> = [
        "count(*)".to_owned(),
        number("f.state = 1 AND f.delivered IS NULL"),
        number("f.state = 1 AND f.delivered IS NOT NULL"),
        number("f.state = 2"),
        number("f.state = 3"),
        number("f.state = 7"),
        number("f.state IS NULL"),
        number("f.row_count > 0 OR f.uploaded_files > 0"),
        "sum(f.row_count)".to_owned(),
        "sum(f.uploaded_files)".to_owned(),
        "sum(f.uploaded_bytes)".to_owned(),
    ]
    .into_iter()
    .map(|column| format!("CAST(coalesce({column}, 0) AS BIGINT)"))
    .collect();
    let found = tx.first(
        &format!(
            "SELECT {} FROM {MEMBERS} WHERE m.org_id = ?1 AND m.hunt_id = ?2",
            columns.join(", ")
        ),
        values![org, hunt_id],
        |row| {
            Ok(HuntTotals {
                scheduled: row.take(0)?,
                waiting: row.take(1)?,
                running: row.take(2)?,
                finished: row.take(3)?,
                errors: row.take(4)?,
                cancelled: row.take(5)?,
                deleted: row.take(6)?,
                with_results: row.take(7)?,
                rows: row.take(8)?,
                uploaded_files: row.take(9)?,
                uploaded_bytes: row.take(10)?,
            })
        },
    )?;
    Ok(found.unwrap_or_default())
}

/// A page of clients, with the collections that the hunt started on them, also those replaced by later ones.
pub(super) fn started(
    tx: &dyn Tx,
    org: &OrgId,
    hunt_id: &HuntId,
    after: Option<&ClientId>,
    limit: u64,
) -> Result<StartedPage> {
    let after = after.map_or("", ClientId::as_str);
    let clients: Vec<ClientId> = tx.all(
        "SELECT client_id FROM hunt_clients WHERE org_id = ?1 AND hunt_id = ?2 AND client_id > ?3 ORDER BY client_id LIMIT ?4",
        values![org, hunt_id, after, limit],
        |row| row.take(0),
    )?;
    let mut flows = Vec::new();
    for client in &clients {
        flows.extend(tx.all(
            "SELECT client_id, flow_id, state = 1, row_count, uploaded_files, uploaded_bytes FROM flows
             WHERE org_id = ?1 AND client_id = ?2 AND hunt_id = ?3 ORDER BY id",
            values![org, client, hunt_id],
            |row| {
                Ok(StartedFlow {
                    client_id: row.take(0)?,
                    flow_id: row.take(1)?,
                    is_running: row.take(2)?,
                    rows: row.take(3)?,
                    uploaded_files: row.take(4)?,
                    uploaded_bytes: row.take(5)?,
                })
            },
        )?);
    }
    Ok(StartedPage { clients, flows })
}

/// When each of these clients last joined a hunt.
pub(super) fn last_joined(
    tx: &dyn Tx,
    org: &OrgId,
    clients: &[ClientId],
) -> Result<HashMap<ClientId, Micros>> {
    let mut found = HashMap::new();
    for some in pieces(clients) {
        let mut values = vec![Value::from(org)];
        let among = places(values.len() + 1, some.len());
        values.extend(some.iter().map(|client| Value::from(*client)));
        // Every flow id is above the empty one: with this, SQLite takes the index by client instead of all clients of all hunts.
        found.extend(tx.all(
            &format!(
                "SELECT client_id, max(joined) FROM hunt_clients
                 WHERE org_id = ?1 AND client_id IN ({among}) AND flow_id > '' GROUP BY client_id"
            ),
            &values,
            |row| Ok((row.take(0)?, row.take(1)?)),
        )?);
    }
    Ok(found)
}

pub(super) fn delete(tx: &dyn Tx, org: &OrgId, hunt_id: &HuntId, clients: &[ClientId]) -> Result<()> {
    for some in pieces(clients) {
        let mut values = vec![Value::from(org), Value::from(hunt_id)];
        let among = places(values.len() + 1, some.len());
        values.extend(some.iter().map(|client| Value::from(*client)));
        tx.execute(
            &format!(
                "DELETE FROM hunt_clients WHERE org_id = ?1 AND hunt_id = ?2 AND client_id IN ({among})"
            ),
            &values,
        )?;
    }
    Ok(())
}

/// The hunts in which any of these collections counts.
pub(super) fn hunts_of_flows(tx: &dyn Tx, org: &OrgId, flows: &[(ClientId, FlowId)]) -> Result<Vec<HuntId>> {
    let mut found = Vec::new();
    for some in pieces(flows) {
        let pairs: Vec<String> = (0..some.len())
            .map(|number| format!("(?{}, ?{})", 2 * number + 2, 2 * number + 3))
            .collect();
        let mut values = vec![Value::from(org)];
        values.extend(
            some.iter()
                .flat_map(|(client, flow)| [Value::from(client), Value::from(flow)]),
        );
        // Not `IN (VALUES …)`, and not `JOIN`: for both SQLite may go through all clients of all hunts.
        found.extend(tx.all(
            &format!(
                "SELECT DISTINCT m.hunt_id FROM (VALUES {}) AS given
                 CROSS JOIN hunt_clients m WHERE m.org_id = ?1 AND m.client_id = given.column1 AND m.flow_id = given.column2",
                pairs.join(", ")
            ),
            &values,
            |row| row.take(0),
        )?);
    }
    found.sort();
    found.dedup();
    Ok(found)
}
