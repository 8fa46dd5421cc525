//! How clients join a hunt: at most once each, however many servers try it at the same time.
//!
//! Every function here runs with the hunt's lock ([`Subject::Hunt`](crate::sql::Subject::Hunt)), and a client joins in the same
//! transaction in which its collection is stored. A few statements for hundreds of clients: one by one, a large hunt would keep
//! the database busy for minutes.

use super::condition::{Folded, is_no_member};
use super::record::{Admission, Attached, Hunt, HuntState, Joined};
use super::sql;
use crate::flows::{self, Flow, FlowState, Task, state_number};
use crate::model::Micros;
use crate::sql::{Tx, Value, fold, pieces, places, to_json, values};
use crate::{Error, Result};
use peregrine_base::{ClientId, FlowId, HuntId, OrgId};

/// Why a hunt that has enough clients is stopped.
const ENOUGH: &str = "as many clients as it may have joined";

pub(super) fn join(
    tx: &dyn Tx,
    org: &OrgId,
    hunt_id: &HuntId,
    clients: &[ClientId],
    admission: Admission,
    now: Micros,
) -> Result<Joined> {
    let hunt = sql::load(tx, org, hunt_id)?.ok_or_else(|| Error::not_found("hunt", hunt_id))?;
    let mut free = match admission {
        Admission::ByHand => u64::MAX,
        Admission::ByCondition if hunt.state != HuntState::Running || hunt.expires <= now => 0,
        Admission::ByCondition => sql::places_left(&hunt),
    };
    let mut joined = Vec::new();
    for some in pieces(clients) {
        if free == 0 {
            break;
        }
        let mut new = find_new(tx, org, &hunt, &some, admission)?;
        new.truncate(usize::try_from(free).unwrap_or(usize::MAX));
        free -= new.len() as u64;
        insert(tx, org, &hunt, &new, now)?;
        joined.extend(new);
    }
    let state = note_joined(tx, org, &hunt, joined.len() as u64)?;
    Ok(Joined {
        clients: joined,
        state,
    })
}

/// Those of the clients that have not joined and still match.
fn find_new(
    tx: &dyn Tx,
    org: &OrgId,
    hunt: &Hunt,
    clients: &[&ClientId],
    admission: Admission,
) -> Result<Vec<ClientId>> {
    let condition = match admission {
        Admission::ByCondition => Folded::from(&hunt.condition),
        Admission::ByHand => Folded::from(&Default::default()),
    };
    let mut values = vec![Value::from(org), Value::from(&hunt.hunt_id)];
    let among = places(values.len() + 1, clients.len());
    values.extend(clients.iter().map(|client| Value::from(*client)));
    let matches = condition.sql(&mut values);
    let statement = format!(
        "SELECT c.client_id FROM clients c WHERE {matches} AND c.client_id IN ({among}) AND {} ORDER BY c.client_id",
        is_no_member(2)
    );
    tx.all(&statement, &values, |row| row.take(0))
}

/// Stores that the clients have joined, their collections and their tasks. Request and message are the hunt's, and not repeated.
fn insert(tx: &dyn Tx, org: &OrgId, hunt: &Hunt, clients: &[ClientId], now: Micros) -> Result<()> {
    let flow_id = hunt.hunt_id.flow_id();
    let artifacts = to_json(&hunt.artifacts)?;
    let creator = fold(&hunt.creator);
    let search = flows::search_text(&flow_id, &hunt.creator, &artifacts);
    for some in pieces(clients) {
        let insert = |statement: &str, fixed: &[Value<'_>]| {
            let mut values = fixed.to_vec();
            let among = places(values.len() + 1, some.len());
            values.extend(some.iter().map(|client| Value::from(*client)));
            tx.execute(
                &format!("{statement} FROM clients c WHERE c.org_id = ?1 AND c.client_id IN ({among})"),
                &values,
            )
        };
        insert(
            "INSERT INTO hunt_clients (org_id, hunt_id, client_id, flow_id, joined) SELECT c.org_id, ?2, c.client_id, ?3, ?4",
            values![org, &hunt.hunt_id, &flow_id, now],
        )?;
        insert(
            "INSERT INTO flows (org_id, client_id, flow_id, hunt_id, state, creator, created, artifacts, urgent, request,
             creator_folded, search_folded) SELECT c.org_id, c.client_id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '', ?9, ?10",
            values![
                org,
                &flow_id,
                &hunt.hunt_id,
                state_number(FlowState::Running),
                &hunt.creator,
                now,
                &artifacts,
                hunt.urgent,
                &creator,
                &search
            ],
        )?;
        insert(
            "INSERT INTO tasks (org_id, client_id, flow_id, is_flow_request, urgent, message)
             SELECT c.org_id, c.client_id, ?2, ?3, ?4, ?5",
            values![org, &flow_id, true, hunt.urgent, Value::Bytes(&[])],
        )?;
    }
    Ok(())
}

/// Counts clients that have joined; a running hunt stops when they are enough. Returns its state.
fn note_joined(tx: &dyn Tx, org: &OrgId, hunt: &Hunt, new: u64) -> Result<HuntState> {
    let hunt_id = &hunt.hunt_id;
    tx.execute(
        "UPDATE hunts SET joined = joined + ?3 WHERE org_id = ?1 AND hunt_id = ?2",
        values![org, hunt_id, new],
    )?;
    stop_if_full(tx, org, hunt_id)
}

/// Stops a running hunt that has enough clients. Returns its state.
pub(super) fn stop_if_full(tx: &dyn Tx, org: &OrgId, hunt_id: &HuntId) -> Result<HuntState> {
    tx.execute(
        "UPDATE hunts SET state = 3, stop_reason = ?3
         WHERE org_id = ?1 AND hunt_id = ?2 AND state = 2 AND client_limit > 0 AND joined >= client_limit",
        values![org, hunt_id, ENOUGH],
    )?;
    let state: i64 = tx.one(
        "SELECT state FROM hunts WHERE org_id = ?1 AND hunt_id = ?2",
        values![org, hunt_id],
    )?;
    Ok(sql::state_of(state))
}

/// Makes a collection the one with which its client takes part. One that the hunt itself started stays among the client's
/// collections.
pub(super) fn attach(
    tx: &dyn Tx,
    org: &OrgId,
    hunt_id: &HuntId,
    client_id: &ClientId,
    flow_id: &FlowId,
    now: Micros,
) -> Result<Attached> {
    let hunt = sql::load(tx, org, hunt_id)?.ok_or_else(|| Error::not_found("hunt", hunt_id))?;
    let is_there: bool = tx.one(
        "SELECT EXISTS (SELECT 1 FROM flows WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3)",
        values![org, client_id, flow_id],
    )?;
    if !is_there {
        return Err(Error::not_found("flow", flow_id));
    }
    match current(tx, org, hunt_id, client_id)? {
        Some(current) if current.flow_id == *flow_id => return Ok(Attached::Already),
        Some(current) if current.is_running => return Ok(Attached::StillRuns),
        Some(_) => set_flow(tx, org, hunt_id, client_id, flow_id)?,
        None => {
            tx.execute(
                "INSERT INTO hunt_clients (org_id, hunt_id, client_id, flow_id, joined) VALUES (?1, ?2, ?3, ?4, ?5)",
                values![org, hunt_id, client_id, flow_id, now],
            )?;
            note_joined(tx, org, &hunt, 1)?;
        }
    }
    Ok(Attached::Done)
}

/// Stores a new collection for a client that takes part already. False if the one it has is still running.
pub(super) fn relaunch(tx: &dyn Tx, org: &OrgId, hunt_id: &HuntId, flow: &Flow, task: &Task) -> Result<bool> {
    let client_id = &flow.client_id;
    let current = current(tx, org, hunt_id, client_id)?;
    let current = current.ok_or_else(|| Error::not_found("client of the hunt", client_id))?;
    if current.is_running {
        return Ok(false);
    }
    flows::insert(tx, org, flow, std::slice::from_ref(task))?;
    set_flow(tx, org, hunt_id, client_id, &flow.flow_id)?;
    Ok(true)
}

fn set_flow(
    tx: &dyn Tx,
    org: &OrgId,
    hunt_id: &HuntId,
    client_id: &ClientId,
    flow_id: &FlowId,
) -> Result<()> {
    tx.execute(
        "UPDATE hunt_clients SET flow_id = ?4 WHERE org_id = ?1 AND hunt_id = ?2 AND client_id = ?3",
        values![org, hunt_id, client_id, flow_id],
    )?;
    Ok(())
}

/// The collection with which a client takes part.
struct Current {
    flow_id: FlowId,
    is_running: bool,
}

fn current(tx: &dyn Tx, org: &OrgId, hunt_id: &HuntId, client_id: &ClientId) -> Result<Option<Current>> {
    tx.first(
        "SELECT m.flow_id, EXISTS (SELECT 1 FROM flows f WHERE f.org_id = m.org_id AND f.client_id = m.client_id
         AND f.flow_id = m.flow_id AND f.state = 1)
         FROM hunt_clients m WHERE m.org_id = ?1 AND m.hunt_id = ?2 AND m.client_id = ?3",
        values![org, hunt_id, client_id],
        |row| {
            Ok(Current {
                flow_id: row.take(0)?,
                is_running: row.take(1)?,
            })
        },
    )
}
