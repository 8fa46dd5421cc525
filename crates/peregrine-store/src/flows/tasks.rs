//! The queue of tasks, and what there is for a client that asks.

use super::record::{Poll, Task};
use crate::Result;
use crate::clients::{self, Client};
use crate::model::Micros;
use crate::sql::{ClientKey, Row, Tx, values};

/// Bytes of tasks taken at once, so that they fit one packet; the rest waits for the next poll.
const MAX_DELIVERY: usize = 4 << 20;

/// Running, delivered flows not heard of since `?3`, and not asked about since.
const SILENT: &str = "org_id = ?1 AND client_id = ?2 AND state = 1 AND delivered <= ?3
    AND coalesce(heard, 0) <= ?3 AND coalesce(checked, 0) <= ?3";

pub(super) fn insert(tx: &dyn Tx, key: &ClientKey, task: &Task) -> Result<()> {
    tx.execute(
        "INSERT INTO tasks (org_id, client_id, flow_id, is_flow_request, urgent, message) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        values![
            &key.org,
            &*key.client,
            &task.flow_id,
            task.is_flow_request,
            task.urgent,
            &task.message
        ],
    )?;
    Ok(())
}

/// Who asks, and what there is to do.
pub(super) struct Found {
    pub(super) client: Client,
    pub(super) has_tasks: bool,
    /// Since when flows are silent that are to be asked about.
    pub(super) silent_since: Option<Micros>,
}

pub(super) fn look(tx: &dyn Tx, key: &ClientKey, poll: Poll) -> Result<Option<Found>> {
    let Some(client) = clients::load(tx, key)? else {
        return Ok(None);
    };
    let has_tasks = tx.one(
        "SELECT EXISTS (SELECT 1 FROM tasks WHERE org_id = ?1 AND client_id = ?2)",
        values![&key.org, &*key.client],
    )?;
    let silent_since = match poll.silent_since {
        Some(since) => tx
            .one::<bool>(
                &format!("SELECT EXISTS (SELECT 1 FROM flows WHERE {SILENT})"),
                values![&key.org, &*key.client, since],
            )?
            .then_some(since),
        None => None,
    };
    Ok(Some(Found {
        client,
        has_tasks,
        silent_since,
    }))
}

/// Notes that the client is asked about its silent flows; gives them.
pub(super) fn ask_about_silent(
    tx: &dyn Tx,
    key: &ClientKey,
    since: Micros,
    now: Micros,
) -> Result<Vec<String>> {
    tx.all(
        &format!("UPDATE flows SET checked = ?4 WHERE {SILENT} RETURNING flow_id"),
        values![&key.org, &*key.client, since, now],
        |row| row.take(0),
    )
}

/// Takes tasks out of the queue, in order; their flows are delivered.
pub(super) fn take(tx: &dyn Tx, key: &ClientKey, max_in_flight: u64, now: Micros) -> Result<Vec<Task>> {
    let in_flight: u64 = tx.one(
        "SELECT count(*) FROM flows WHERE org_id = ?1 AND client_id = ?2 AND state = 1 AND delivered IS NOT NULL",
        values![&key.org, &*key.client],
    )?;
    let mut free = max_in_flight.saturating_sub(in_flight);
    let queued: Vec<(i64, bool)> = tx.all(
        "SELECT task_id, is_flow_request AND NOT urgent FROM tasks WHERE org_id = ?1 AND client_id = ?2 ORDER BY task_id",
        values![&key.org, &*key.client],
        |row| Ok((row.take(0)?, row.take(1)?)),
    )?;
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
        let task = tx.first(
            "DELETE FROM tasks WHERE task_id = ?1 RETURNING flow_id, is_flow_request, urgent, message",
            values![id],
            to_task,
        )?;
        let Some(task) = task else { continue };
        if task.is_flow_request {
            tx.execute(
                "UPDATE flows SET delivered = ?4 WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
                values![&key.org, &*key.client, &task.flow_id, now],
            )?;
        }
        bytes += task.message.len();
        taken.push(task);
    }
    Ok(taken)
}

fn to_task(row: &dyn Row) -> Result<Task> {
    Ok(Task {
        flow_id: row.get("flow_id")?,
        is_flow_request: row.get("is_flow_request")?,
        urgent: row.get("urgent")?,
        message: row.get("message")?,
    })
}
