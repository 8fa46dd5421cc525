//! Collections and the queue of tasks.

use super::clients::{clip, load};
use super::{SqliteDatabase, from_json, to_json};
use crate::database::FlowStore;
use crate::model::{Client, Flow, FlowQuery, FlowSort, FlowState, Micros, Page, Poll, Task, Upload, Work};
use crate::{Error, Result};
use async_trait::async_trait;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use std::collections::HashMap;

/// Bytes of tasks taken at once, so that they fit one packet; the rest waits for the next poll.
const MAX_DELIVERY: usize = 4 << 20;
/// Clients, or flows, asked about with one statement.
pub(super) const MAX_ASKED: usize = 500;

#[async_trait]
impl FlowStore for SqliteDatabase {
    async fn create_flow(&self, flow: Flow, tasks: Vec<Task>) -> Result<()> {
        self.write(move |sql| {
            let made = sql
                .prepare_cached(
                    "INSERT OR IGNORE INTO flows (client_id, flow_id, state, status, creator, created, artifacts, urgent,
                     request) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )?
                .execute(params![
                    flow.client_id,
                    flow.flow_id,
                    state_number(flow.state),
                    flow.status,
                    flow.creator,
                    flow.created,
                    to_json(&flow.artifacts)?,
                    flow.urgent,
                    flow.request
                ])?;
            if made == 0 {
                return Err(Error::Exists { what: "flow", id: flow.flow_id });
            }
            for task in &tasks {
                insert_task(sql, &flow.client_id, task)?;
            }
            Ok(())
        })
        .await
    }

    async fn flow(&self, client_id: &str, flow_id: &str) -> Result<Option<Flow>> {
        let (client, flow) = (client_id.to_owned(), flow_id.to_owned());
        self.read(move |sql| {
            let mut statement =
                sql.prepare_cached("SELECT * FROM flows WHERE client_id = ?1 AND flow_id = ?2")?;
            Ok(statement.query_row([client, flow], to_flow).optional()?)
        })
        .await
    }

    async fn flows(&self, query: FlowQuery) -> Result<Page<Flow>> {
        self.read(move |sql| list(sql, &query)).await
    }

    async fn cancel_flow(
        &self,
        client_id: &str,
        flow_id: &str,
        status: &str,
        task: Task,
        now: Micros,
    ) -> Result<bool> {
        let (client, flow, status) = (client_id.to_owned(), flow_id.to_owned(), status.to_owned());
        self.write(move |sql| {
            let delivered: Option<Option<Micros>> = sql
                .prepare_cached("SELECT delivered FROM flows WHERE client_id = ?1 AND flow_id = ?2 AND state = 1")?
                .query_row([&client, &flow], |row| row.get(0))
                .optional()?;
            let Some(delivered) = delivered else { return Ok(false) };
            sql.execute(
                "UPDATE flows SET state = ?5, finished = ?4,
                 status = iif(status IS NULL, ?3, ?3 || ': ' || status) WHERE client_id = ?1 AND flow_id = ?2",
                params![client, flow, status, now, state_number(FlowState::Cancelled)],
            )?;
            sql.execute("DELETE FROM tasks WHERE client_id = ?1 AND flow_id = ?2", [&client, &flow])?;
            if delivered.is_some() {
                insert_task(sql, &client, &task)?;
            }
            Ok(true)
        })
        .await
    }

    async fn delete_flow(&self, client_id: &str, flow_id: &str) -> Result<()> {
        let ids = [client_id.to_owned(), flow_id.to_owned()];
        self.write(move |sql| {
            sql.execute(
                "DELETE FROM chunks WHERE set_id IN
                 (SELECT id FROM result_sets WHERE client_id = ?1 AND flow_id = ?2)",
                ids.each_ref(),
            )?;
            for table in ["result_sets", "uploads", "open_uploads", "losses", "tasks"] {
                sql.execute(
                    &format!("DELETE FROM {table} WHERE client_id = ?1 AND flow_id = ?2"),
                    ids.each_ref(),
                )?;
            }
            match sql.execute(
                "DELETE FROM flows WHERE client_id = ?1 AND flow_id = ?2",
                ids.each_ref(),
            )? {
                0 => Err(Error::not_found("flow", &ids[1])),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn queue_task(&self, client_id: &str, task: Task) -> Result<()> {
        let client = client_id.to_owned();
        self.write(move |sql| insert_task(sql, &client, &task)).await
    }

    async fn take_work(&self, client_id: &str, poll: Poll) -> Result<Option<Work>> {
        let client_id = client_id.to_owned();
        let asked = client_id.clone();
        let found = self.read(move |sql| look_for_work(sql, &asked, poll)).await?;
        let Some((client, has_tasks, silent_since)) = found else {
            return Ok(None);
        };
        let mut work = Work {
            client,
            tasks: Vec::new(),
            silent: Vec::new(),
        };
        if has_tasks || silent_since.is_some() {
            let take = move |sql: &Connection| -> Result<(Vec<Task>, Vec<String>)> {
                let tasks = if has_tasks {
                    take_tasks(sql, &client_id, poll.max_in_flight, poll.now)?
                } else {
                    Vec::new()
                };
                let silent = match silent_since {
                    Some(since) => ask_about_silent(sql, &client_id, since, poll.now)?,
                    None => Vec::new(),
                };
                Ok((tasks, silent))
            };
            (work.tasks, work.silent) = self.write(take).await?;
        }
        Ok(Some(work))
    }

    async fn in_flight(&self, client_ids: &[String]) -> Result<Vec<Vec<String>>> {
        let clients = client_ids.to_vec();
        self.read(move |sql| {
            let mut found: HashMap<String, Vec<String>> = HashMap::new();
            for some in clients.chunks(MAX_ASKED) {
                let places = vec!["?"; some.len()].join(", ");
                let mut statement = sql.prepare(&format!(
                    "SELECT client_id, flow_id FROM flows
                     WHERE client_id IN ({places}) AND state = 1 AND delivered IS NOT NULL ORDER BY id"
                ))?;
                let mut rows = statement.query(params_from_iter(some))?;
                while let Some(row) = rows.next()? {
                    found.entry(row.get(0)?).or_default().push(row.get(1)?);
                }
            }
            Ok(clients
                .iter()
                .map(|client| found.remove(client).unwrap_or_default())
                .collect())
        })
        .await
    }

    async fn uploads(&self, client_id: &str, flow_id: &str) -> Result<Vec<Upload>> {
        let ids = [client_id.to_owned(), flow_id.to_owned()];
        self.read(move |sql| {
            let mut statement =
                sql.prepare_cached("SELECT record FROM uploads WHERE client_id = ?1 AND flow_id = ?2")?;
            let rows = statement.query_map(ids.each_ref(), |row| from_json(row, "record"))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }
}

fn insert_task(sql: &Connection, client_id: &str, task: &Task) -> Result<()> {
    sql.prepare_cached(
        "INSERT INTO tasks (client_id, flow_id, is_flow_request, urgent, message) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![client_id, task.flow_id, task.is_flow_request, task.urgent, task.message])?;
    Ok(())
}

/// Running, delivered flows not heard of since `?2`, and not asked about since.
const SILENT: &str = "client_id = ?1 AND state = 1 AND delivered <= ?2
    AND coalesce(heard, 0) <= ?2 AND coalesce(checked, 0) <= ?2";

/// Who asks, whether there are tasks, and since when flows are silent that are to be asked about.
fn look_for_work(
    sql: &Connection,
    client_id: &str,
    poll: Poll,
) -> Result<Option<(Client, bool, Option<Micros>)>> {
    let Some(client) = load(sql, client_id)? else {
        return Ok(None);
    };
    let has_tasks: bool = sql
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM tasks WHERE client_id = ?1)")?
        .query_row([client_id], |row| row.get(0))?;
    let Some(since) = poll.silent_since else {
        return Ok(Some((client, has_tasks, None)));
    };
    let has_silent: bool = sql
        .prepare_cached(&format!("SELECT EXISTS (SELECT 1 FROM flows WHERE {SILENT})"))?
        .query_row(params![client_id, since], |row| row.get(0))?;
    Ok(Some((client, has_tasks, has_silent.then_some(since))))
}

fn ask_about_silent(sql: &Connection, client_id: &str, since: Micros, now: Micros) -> Result<Vec<String>> {
    let mut statement = sql.prepare_cached(&format!(
        "UPDATE flows SET checked = ?3 WHERE {SILENT} RETURNING flow_id"
    ))?;
    let rows = statement.query_map(params![client_id, since, now], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn take_tasks(sql: &Connection, client: &str, max_in_flight: u64, now: Micros) -> Result<Vec<Task>> {
    let in_flight: i64 = sql
        .prepare_cached(
            "SELECT count(*) FROM flows WHERE client_id = ?1 AND state = 1 AND delivered IS NOT NULL",
        )?
        .query_row([client], |row| row.get(0))?;
    let mut free = max_in_flight.saturating_sub(in_flight.unsigned_abs());
    let mut statement = sql.prepare_cached(
        "SELECT task_id, is_flow_request AND NOT urgent FROM tasks WHERE client_id = ?1 ORDER BY task_id",
    )?;
    let queued: Vec<(i64, bool)> = statement
        .query_map([client], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let (mut taken, mut bytes) = (Vec::new(), 0);
    for (id, is_limited) in queued {
        if bytes >= MAX_DELIVERY {
            break;
        }
        if is_limited {
            if free == 0 {
                continue;
            }
            free -= 1;
        }
        let task = sql
            .prepare_cached("DELETE FROM tasks WHERE task_id = ?1 RETURNING *")?
            .query_row([id], to_task)?;
        if task.is_flow_request {
            sql.prepare_cached("UPDATE flows SET delivered = ?3 WHERE client_id = ?1 AND flow_id = ?2")?
                .execute(params![client, task.flow_id, now])?;
        }
        bytes += task.message.len();
        taken.push(task);
    }
    Ok(taken)
}

fn list(sql: &Connection, query: &FlowQuery) -> Result<Page<Flow>> {
    let mut conditions = vec!["1".to_owned()];
    let mut values: Vec<Value> = Vec::new();
    if let Some(client) = &query.client_id {
        values.push(Value::Text(client.clone()));
        conditions.push(format!("client_id = ?{}", values.len()));
    }
    if let Some(state) = query.state {
        values.push(Value::Integer(state_number(state)));
        conditions.push(format!("state = ?{}", values.len()));
    }
    if let Some(text) = &query.search {
        values.push(Value::Text(text.clone()));
        let at = values.len();
        conditions.push(format!(
            "(instr(lower(artifacts), lower(?{at})) OR instr(lower(flow_id), lower(?{at}))
              OR instr(lower(creator), lower(?{at})))"
        ));
    }
    let condition = conditions.join(" AND ");
    let total: i64 = sql
        .prepare_cached(&format!("SELECT count(*) FROM flows WHERE {condition}"))?
        .query_row(params_from_iter(&values), |row| row.get(0))?;
    let order = match query.sort {
        FlowSort::Created => "created",
        FlowSort::LastActive => "coalesce(last_active, created)",
        FlowSort::Rows => "row_count",
        FlowSort::Artifacts => "artifacts",
        FlowSort::State => "state",
        FlowSort::Creator => "creator COLLATE NOCASE",
    };
    let direction = if query.descending { "DESC" } else { "ASC" };
    values.push(Value::Integer(clip(query.limit)));
    values.push(Value::Integer(clip(query.offset)));
    let (limit, offset) = (values.len() - 1, values.len());
    let mut statement = sql.prepare_cached(&format!(
        "SELECT * FROM flows WHERE {condition} ORDER BY {order} {direction}, id {direction} LIMIT ?{limit} OFFSET ?{offset}"
    ))?;
    let items = statement
        .query_map(params_from_iter(&values), to_flow)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Page {
        total: total.unsigned_abs(),
        items,
    })
}

/// Numbers of the states, as on the wire. It has none for what was cancelled, which is an error there: ours is one that
/// the wire does not use.
pub(super) fn state_number(state: FlowState) -> i64 {
    match state {
        FlowState::Running => 1,
        FlowState::Finished => 2,
        FlowState::Error => 3,
        FlowState::Cancelled => 7,
    }
}

fn to_task(row: &Row<'_>) -> rusqlite::Result<Task> {
    Ok(Task {
        flow_id: row.get("flow_id")?,
        is_flow_request: row.get("is_flow_request")?,
        urgent: row.get("urgent")?,
        message: row.get("message")?,
    })
}

fn to_flow(row: &Row<'_>) -> rusqlite::Result<Flow> {
    let count = |column: &str| row.get::<_, i64>(column).map(i64::unsigned_abs);
    Ok(Flow {
        client_id: row.get("client_id")?,
        flow_id: row.get("flow_id")?,
        state: match row.get::<_, i64>("state")? {
            1 => FlowState::Running,
            2 => FlowState::Finished,
            7 => FlowState::Cancelled,
            _ => FlowState::Error,
        },
        status: row.get("status")?,
        creator: row.get("creator")?,
        created: row.get("created")?,
        delivered: row.get("delivered")?,
        started: row.get("started")?,
        last_active: row.get("last_active")?,
        heard: row.get("heard")?,
        finished: row.get("finished")?,
        duration_ns: row.get("duration_ns")?,
        rows: count("row_count")?,
        logs: count("log_count")?,
        uploaded_files: count("uploaded_files")?,
        uploaded_bytes: count("uploaded_bytes")?,
        artifacts: from_json(row, "artifacts")?,
        urgent: row.get("urgent")?,
        request: row.get("request")?,
        query_stats: row.get("query_stats")?,
    })
}
