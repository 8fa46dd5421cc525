//! Collections in SQL.

use super::record::{
    Flow, FlowQuery, FlowSort, FlowState, Poll, Polled, Task, Upload, Work, flow_state, state_number,
};
use super::{completions, tasks};
use crate::database::FlowStore;
use crate::model::{Micros, Page};
use crate::rows::delete_chunks;
use crate::sql::{OrgDatabase, Row, Tx, Value, escape_like, fold, pieces, places, to_json, values};
use crate::{Error, Result};
use async_trait::async_trait;
use peregrine_base::{ClientId, FlowId, HuntId, OrgId};
use std::collections::{BTreeSet, HashMap};

#[async_trait]
impl FlowStore for OrgDatabase {
    async fn create_flow(&self, flow: Flow, tasks: Vec<Task>) -> Result<()> {
        let client_id = flow.client_id.clone();
        self.write_client(&client_id, move |tx, key| insert(tx, &key.org, &flow, &tasks))
            .await
    }

    async fn queue_once(&self, client_id: &ClientId, task: Task) -> Result<()> {
        self.write_client(client_id, move |tx, key| tasks::insert_once(tx, key, &task))
            .await
    }

    async fn flow(&self, client_id: &ClientId, flow_id: &FlowId) -> Result<Option<Flow>> {
        let flow = flow_id.clone();
        self.read_client(client_id, move |tx, key| {
            let mut found = tx.all(
                "SELECT * FROM flows WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
                values![&key.org, &key.client, &flow],
                to_flow,
            )?;
            fill_requests(tx, &key.org, &mut found)?;
            Ok(found.pop())
        })
        .await
    }

    async fn has_flow(&self, client_id: &ClientId, flow_id: &FlowId) -> Result<bool> {
        let flow = flow_id.clone();
        self.read_client(client_id, move |tx, key| {
            tx.one(
                "SELECT EXISTS (SELECT 1 FROM flows WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3)",
                values![&key.org, &key.client, &flow],
            )
        })
        .await
    }

    async fn these_flows(&self, flows: &[(ClientId, FlowId)]) -> Result<Vec<Flow>> {
        let flows = flows.to_vec();
        self.read(move |tx, org| {
            let mut found = Vec::with_capacity(flows.len());
            for some in pieces(&flows) {
                let pairs: Vec<String> = (0..some.len())
                    .map(|number| format!("(?{}, ?{})", 2 * number + 2, 2 * number + 3))
                    .collect();
                let mut values = vec![Value::from(org)];
                values.extend(some.iter().flat_map(|(client, flow)| [Value::from(client), Value::from(flow)]));
                // Not `IN (VALUES …)`, and not `JOIN`: for both SQLite may go through all flows.
                let statement = format!(
                    "SELECT f.* FROM (SELECT DISTINCT column1 AS client, column2 AS flow FROM (VALUES {}) AS given) AS wanted
                     CROSS JOIN flows f WHERE f.org_id = ?1 AND f.client_id = wanted.client AND f.flow_id = wanted.flow",
                    pairs.join(", ")
                );
                found.extend(tx.all(&statement, &values, to_flow)?);
            }
            fill_requests(tx, org, &mut found)?;
            Ok(found)
        })
        .await
    }

    async fn flows(&self, query: FlowQuery) -> Result<Page<Flow>> {
        self.read(move |tx, org| list(tx, org, &query)).await
    }

    async fn cancel_flow(
        &self,
        client_id: &ClientId,
        flow_id: &FlowId,
        status: &str,
        task: Task,
        now: Micros,
    ) -> Result<bool> {
        let (flow_id, status) = (flow_id.to_owned(), status.to_owned());
        self.write_client(client_id, move |tx, key| {
            let flow = values![&key.org, &key.client, &flow_id];
            let found: Option<Option<Micros>> = tx.first(
                "SELECT delivered FROM flows WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3 AND state = 1",
                flow,
                |row| row.take(0),
            )?;
            let Some(delivered) = found else { return Ok(false) };
            let [org, client, id] = *flow;
            tx.execute(
                "UPDATE flows SET state = ?4, finished = ?5,
                 status = CASE WHEN status IS NULL THEN ?6 ELSE CAST(?6 AS TEXT) || ': ' || status END
                 WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
                &[org, client, id, state_number(FlowState::Cancelled).into(), now.into(), (&status).into()],
            )?;
            tx.execute("DELETE FROM tasks WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3", flow)?;
            completions::note(tx, key, &flow_id, now)?;
            if delivered.is_some() {
                tasks::insert(tx, &key.org, &key.client, &task)?;
            }
            Ok(true)
        })
        .await
    }

    async fn delete_flow(&self, client_id: &ClientId, flow_id: &FlowId) -> Result<()> {
        let flow_id = flow_id.clone();
        self.write_client(client_id, move |tx, key| {
            let flow = values![&key.org, &key.client, &flow_id];
            delete_chunks(
                tx,
                "set_id IN (SELECT id FROM result_sets WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3)",
                flow,
            )?;
            let delete = |table: &str| {
                let statement =
                    format!("DELETE FROM {table} WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3");
                tx.execute(&statement, flow)
            };
            for table in ["result_sets", "uploads", "open_uploads", "losses", "tasks", "completions"] {
                delete(table)?;
            }
            match delete("flows")? {
                0 => Err(Error::not_found("flow", &flow_id)),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn take_work(&self, client_id: &ClientId, poll: Poll) -> Result<Polled> {
        let asked = poll.clone();
        let found = self.read_client(client_id, move |tx, key| tasks::check_poll(tx, key, &asked));
        let Some(found) = found.await? else {
            return Ok(Polled::Unknown);
        };
        if let Some(refusal) = found.refusal {
            return Ok(refusal);
        }
        let (has_tasks, silent_since) = (found.has_tasks, found.silent_since);
        let (mut tasks, mut silent) = (Vec::new(), Vec::new());
        if has_tasks || silent_since.is_some() {
            let taken = self.write_client(client_id, move |tx, key| {
                let tasks = match has_tasks {
                    true => tasks::take(tx, key, &poll)?,
                    false => Vec::new(),
                };
                let silent = match silent_since {
                    Some(since) => tasks::ask_about_silent(tx, key, since, poll.now)?,
                    None => Vec::new(),
                };
                Ok((tasks, silent))
            });
            (tasks, silent) = taken.await?;
        }
        Ok(Polled::Work(Box::new(Work {
            client: found.client,
            tasks,
            silent,
        })))
    }

    async fn in_flight(&self, client_ids: &[ClientId]) -> Result<Vec<Vec<FlowId>>> {
        let clients = client_ids.to_vec();
        self.read(move |tx, org| {
            let mut found: HashMap<ClientId, Vec<FlowId>> = HashMap::new();
            for some in pieces(&clients) {
                let places = places(2, some.len());
                let mut values = vec![Value::from(org)];
                values.extend(some.iter().map(|client| Value::from(*client)));
                let statement = format!(
                    "SELECT client_id, flow_id FROM flows
                     WHERE org_id = ?1 AND client_id IN ({places}) AND state = 1 AND delivered IS NOT NULL ORDER BY id"
                );
                for (client, flow) in tx.all(&statement, &values, |row| Ok((row.take(0)?, row.take(1)?)))? {
                    found.entry(client).or_default().push(flow);
                }
            }
            Ok(clients
                .iter()
                .map(|client| found.remove(client).unwrap_or_default())
                .collect())
        })
        .await
    }

    async fn uploads(&self, client_id: &ClientId, flow_id: &FlowId) -> Result<Vec<Upload>> {
        let flow = flow_id.clone();
        self.read_client(client_id, move |tx, key| {
            tx.all(
                "SELECT record FROM uploads WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3 ORDER BY number",
                values![&key.org, &key.client, &flow],
                |row| row.json("record"),
            )
        })
        .await
    }
}

/// Stores a new flow and its tasks.
pub(crate) fn insert(tx: &dyn Tx, org: &OrgId, flow: &Flow, tasks: &[Task]) -> Result<()> {
    let artifacts = to_json(&flow.artifacts)?;
    let made = tx.execute(
        "INSERT INTO flows (org_id, client_id, flow_id, hunt_id, state, status, creator, created, artifacts, urgent, request,
         creator_folded, search_folded) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO NOTHING",
        values![
            org,
            &flow.client_id,
            &flow.flow_id,
            flow.hunt_id.as_ref(),
            state_number(flow.state),
            flow.status.as_ref(),
            &flow.creator,
            flow.created,
            &artifacts,
            flow.urgent,
            // Kept with the hunt.
            if flow.hunt_id.is_some() { "" } else { &flow.request },
            &fold(&flow.creator),
            &search_text(&flow.flow_id, &flow.creator, &artifacts)
        ],
    )?;
    if made == 0 {
        return Err(Error::Exists {
            what: "flow",
            id: flow.flow_id.to_string(),
        });
    }
    for task in tasks {
        tasks::insert(tx, org, &flow.client_id, task)?;
    }
    Ok(())
}

/// What a flow is found by.
pub(crate) fn search_text(flow_id: &FlowId, creator: &str, artifacts: &str) -> String {
    fold(&format!("{flow_id}\n{creator}\n{artifacts}"))
}

/// Gives the flows of hunts their requests, which are kept with the hunts.
fn fill_requests(tx: &dyn Tx, org: &OrgId, flows: &mut [Flow]) -> Result<()> {
    let hunts: BTreeSet<HuntId> = flows.iter().filter_map(|flow| flow.hunt_id.clone()).collect();
    let hunts: Vec<HuntId> = hunts.into_iter().collect();
    let mut requests: HashMap<HuntId, String> = HashMap::new();
    for some in pieces(&hunts) {
        let places = places(2, some.len());
        let mut values = vec![Value::from(org)];
        values.extend(some.iter().map(|hunt| Value::from(*hunt)));
        let statement =
            format!("SELECT hunt_id, request FROM hunts WHERE org_id = ?1 AND hunt_id IN ({places})");
        requests.extend(tx.all(&statement, &values, |row| Ok((row.take(0)?, row.take(1)?)))?);
    }
    for flow in flows {
        if let Some(request) = flow.hunt_id.as_ref().and_then(|hunt| requests.get(hunt)) {
            flow.request.clone_from(request);
        }
    }
    Ok(())
}

fn list(tx: &dyn Tx, org: &OrgId, query: &FlowQuery) -> Result<Page<Flow>> {
    let search = query
        .search
        .as_ref()
        .map(|text| format!("%{}%", escape_like(&fold(text))));
    let mut conditions = vec!["org_id = ?1".to_owned()];
    let mut values: Vec<Value<'_>> = vec![org.into()];
    if let Some(client) = &query.client_id {
        values.push(client.into());
        conditions.push(format!("client_id = ?{}", values.len()));
    }
    if let Some(state) = query.state {
        values.push(state_number(state).into());
        conditions.push(format!("state = ?{}", values.len()));
    }
    if let Some(pattern) = &search {
        values.push(pattern.into());
        conditions.push(format!("search_folded LIKE ?{} ESCAPE '\\'", values.len()));
    }
    let condition = conditions.join(" AND ");
    let total = tx.one(&format!("SELECT count(*) FROM flows WHERE {condition}"), &values)?;
    let order = match query.sort {
        FlowSort::Created => "created",
        FlowSort::LastActive => "coalesce(last_active, created)",
        FlowSort::Rows => "row_count",
        FlowSort::Artifacts => "artifacts",
        FlowSort::State => "state",
        FlowSort::Creator => "creator_folded",
    };
    let direction = if query.descending { "DESC" } else { "ASC" };
    values.extend([Value::from(query.limit), Value::from(query.offset)]);
    let (limit, offset) = (values.len() - 1, values.len());
    let mut items = tx.all(
        &format!(
            "SELECT * FROM flows WHERE {condition} ORDER BY {order} {direction}, id {direction} LIMIT ?{limit} OFFSET ?{offset}"
        ),
        &values,
        to_flow,
    )?;
    fill_requests(tx, org, &mut items)?;
    Ok(Page { total, items })
}

fn to_flow(row: &dyn Row) -> Result<Flow> {
    Ok(Flow {
        client_id: row.get("client_id")?,
        flow_id: row.get("flow_id")?,
        hunt_id: row.get("hunt_id")?,
        state: flow_state(row.get("state")?),
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
        artifacts: row.json("artifacts")?,
        urgent: row.get("urgent")?,
        request: row.get("request")?,
        query_stats: row.get("query_stats")?,
    })
}
