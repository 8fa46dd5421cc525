//! The queue of tasks, and the work a polling client gets from it.

use super::record::{Poll, Polled, Task};
use crate::Result;
use crate::clients::{self, Client};
use crate::model::Micros;
use crate::sql::{ClientKey, Row, Tx, values};
use peregrine_base::{ClientId, FlowId, OrgId};

/// Bytes of tasks taken at once, so that they fit in one packet; the others wait for the next poll.
const MAX_DELIVERY: usize = 4 << 20;
/// How often a task that the agent does not answer is handed over.
const MAX_TRIES: i64 = 3;

/// Waiting tasks: those never handed over, and those that stop a flow and were handed over by `?3` without an answer.
const WAITING: &str =
    "org_id = ?1 AND client_id = ?2 AND (taken IS NULL OR NOT is_flow_request AND taken <= ?3)";

/// Running flows that were delivered by `?3` and neither heard of nor asked about since.
const SILENT: &str = "org_id = ?1 AND client_id = ?2 AND state = 1 AND delivered <= ?3
    AND coalesce(heard, 0) <= ?3 AND coalesce(checked, 0) <= ?3";

pub(super) fn insert(tx: &dyn Tx, org: &OrgId, client: &ClientId, task: &Task) -> Result<()> {
    tx.execute(
        "INSERT INTO tasks (org_id, client_id, flow_id, is_flow_request, urgent, message) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        values![
            org,
            client,
            &task.flow_id,
            task.is_flow_request,
            task.urgent,
            &task.message
        ],
    )?;
    Ok(())
}

/// A task that is gone once it was handed over: it counts as handed over all but the last time.
pub(super) fn insert_once(tx: &dyn Tx, key: &ClientKey, task: &Task) -> Result<()> {
    tx.execute(
        "INSERT INTO tasks (org_id, client_id, flow_id, is_flow_request, urgent, message, tries)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        values![
            &key.org,
            &key.client,
            &task.flow_id,
            false,
            true,
            &task.message,
            MAX_TRIES - 1
        ],
    )?;
    Ok(())
}

/// What a poll found.
pub(super) struct PollCheck {
    pub(super) client: Client,
    /// Set if the client gets no work from this server.
    pub(super) refusal: Option<Polled>,
    pub(super) has_tasks: bool,
    /// Set if there are silent flows to ask about: the time since which they have been silent.
    pub(super) silent_since: Option<Micros>,
}

pub(super) fn check_poll(tx: &dyn Tx, key: &ClientKey, poll: &Poll) -> Result<Option<PollCheck>> {
    let Some(client) = clients::load(tx, key)? else {
        return Ok(None);
    };
    let has_tasks = tx.one(
        &format!("SELECT EXISTS (SELECT 1 FROM tasks WHERE {WAITING})"),
        values![&key.org, &key.client, repeated_since(poll)],
    )?;
    let silent_since = match poll.silent_since {
        Some(since) => tx
            .one::<bool>(
                &format!("SELECT EXISTS (SELECT 1 FROM flows WHERE {SILENT})"),
                values![&key.org, &key.client, since],
            )?
            .then_some(since),
        None => None,
    };
    Ok(Some(PollCheck {
        refusal: refusal(&client, poll),
        client,
        has_tasks,
        silent_since,
    }))
}

/// Tasks handed over before this time and not answered are handed over again.
fn repeated_since(poll: &Poll) -> Micros {
    poll.silent_since.unwrap_or(Micros::MIN)
}

/// Refuses a client that is connected to another server: by a newer connection of the same process, or by another
/// process.
fn refusal(client: &Client, poll: &Poll) -> Option<Polled> {
    let held = client
        .held
        .as_ref()
        .filter(|held| held.server_id != poll.server_id)?;
    let elsewhere = held.claim?;
    if elsewhere.session != poll.claim.session {
        Some(Polled::Occupied)
    } else if elsewhere.timestamp > poll.claim.timestamp {
        Some(Polled::Superseded)
    } else {
        None
    }
}

/// Marks the client's silent flows as asked about and returns them.
pub(super) fn ask_about_silent(
    tx: &dyn Tx,
    key: &ClientKey,
    since: Micros,
    now: Micros,
) -> Result<Vec<FlowId>> {
    tx.all(
        &format!("UPDATE flows SET checked = ?4 WHERE {SILENT} RETURNING flow_id"),
        values![&key.org, &key.client, since, now],
        |row| row.take(0),
    )
}

/// Takes tasks in order and marks their flows as delivered. Tasks of a flow stay in the queue until the agent answers.
pub(super) fn take(tx: &dyn Tx, key: &ClientKey, poll: &Poll) -> Result<Vec<Task>> {
    let in_flight: u64 = tx.one(
        "SELECT count(*) FROM flows WHERE org_id = ?1 AND client_id = ?2 AND state = 1 AND delivered IS NOT NULL",
        values![&key.org, &key.client],
    )?;
    let mut free = poll.max_in_flight.saturating_sub(in_flight);
    let queued: Vec<(i64, bool)> = tx.all(
        &format!(
            "SELECT task_id, is_flow_request AND NOT urgent FROM tasks WHERE {WAITING} ORDER BY task_id"
        ),
        values![&key.org, &key.client, repeated_since(poll)],
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
            "UPDATE tasks SET taken = ?2, tries = tries + 1 WHERE task_id = ?1
             RETURNING flow_id, is_flow_request, urgent, message",
            values![id, poll.now],
            to_task,
        )?;
        let Some(mut task) = task else { continue };
        match message_of_hunt(tx, key, &task)? {
            Kept::WithTask => {}
            Kept::WithHunt(message) => task.message = message,
            Kept::Nowhere => {
                tx.execute("DELETE FROM tasks WHERE task_id = ?1", values![id])?;
                continue;
            }
        }
        if task.is_flow_request {
            tx.execute(
                "UPDATE flows SET delivered = ?4 WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
                values![&key.org, &key.client, &task.flow_id, poll.now],
            )?;
        } else {
            // Tasks without a flow are never answered, and an agent may not answer a request to stop a flow it never had.
            tx.execute(
                "DELETE FROM tasks WHERE task_id = ?1 AND tries >= ?2",
                values![id, MAX_TRIES],
            )?;
        }
        bytes += task.message.len();
        taken.push(task);
    }
    Ok(taken)
}

/// Where the message of a task is.
enum Kept {
    WithTask,
    WithHunt(Vec<u8>),
    /// The hunt was deleted meanwhile.
    Nowhere,
}

/// The message that a hunt sends to all its clients, and so keeps only once: their tasks are empty.
fn message_of_hunt(tx: &dyn Tx, key: &ClientKey, task: &Task) -> Result<Kept> {
    if !task.message.is_empty() {
        return Ok(Kept::WithTask);
    }
    let found: Option<Option<Vec<u8>>> = tx.first(
        "SELECT p.task FROM flows f LEFT JOIN hunt_payloads p ON p.org_id = f.org_id AND p.hunt_id = f.hunt_id
         WHERE f.org_id = ?1 AND f.client_id = ?2 AND f.flow_id = ?3 AND f.hunt_id IS NOT NULL",
        values![&key.org, &key.client, &task.flow_id],
        |row| row.take(0),
    )?;
    Ok(match found {
        None => Kept::WithTask,
        Some(None) => Kept::Nowhere,
        Some(Some(message)) => Kept::WithHunt(message),
    })
}

/// The agent reported the end of a flow, so the tasks it was sent for that flow are done.
pub(crate) fn answered(tx: &dyn Tx, key: &ClientKey, flow: &FlowId) -> Result<()> {
    tx.execute(
        "DELETE FROM tasks WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3 AND taken IS NOT NULL",
        values![&key.org, &key.client, flow],
    )?;
    Ok(())
}

/// Called when the agent does not know a running flow. If nothing was ever heard of the flow, its request was lost on the
/// way and is queued again, up to `MAX_TRIES`. False if it was not queued.
pub(crate) fn queue_again(tx: &dyn Tx, key: &ClientKey, flow: &FlowId) -> Result<bool> {
    let queued = tx.execute(
        "UPDATE tasks SET taken = NULL WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3 AND is_flow_request
         AND taken IS NOT NULL AND tries < ?4 AND EXISTS (SELECT 1 FROM flows f WHERE f.org_id = ?1 AND f.client_id = ?2
         AND f.flow_id = ?3 AND f.state = 1 AND f.heard IS NULL)",
        values![&key.org, &key.client, flow, MAX_TRIES],
    )?;
    if queued > 0 {
        tx.execute(
            "UPDATE flows SET delivered = NULL, checked = NULL WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
            values![&key.org, &key.client, flow],
        )?;
    }
    Ok(queued > 0)
}

fn to_task(row: &dyn Row) -> Result<Task> {
    Ok(Task {
        flow_id: row.get("flow_id")?,
        is_flow_request: row.get("is_flow_request")?,
        urgent: row.get("urgent")?,
        message: row.get("message")?,
    })
}
