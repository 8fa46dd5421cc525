//! The effects of an agent's packet, all in one transaction; applying a packet a second time changes nothing.

use super::catalogue::{self, Placed};
use super::events;
use super::record::{Effect, Outcome, SetKind};
use super::sets::{self, Added, NewChunk, SetName};
use crate::Result;
use crate::chunk::Chunk;
use crate::clients;
use crate::flows::{self, FlowState, Progress, Upload, completions, state_number};
use crate::model::Micros;
use crate::sql::{ClientKey, Tx, to_json, values};
use peregrine_base::FlowId;
use std::borrow::Cow;

/// Applies them in order. Objects for the large ones are already written.
pub(super) fn apply(
    tx: &dyn Tx,
    key: &ClientKey,
    now: Micros,
    effects: &[Effect],
    placed: &[Option<Placed>],
) -> Result<Vec<Outcome>> {
    let mut touched: Vec<&FlowId> = Vec::new();
    let mut outcomes = Vec::with_capacity(effects.len());
    let mut unused: Vec<&Placed> = Vec::new();
    let placed = placed.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    for (effect, placed) in effects.iter().zip(placed) {
        if let Some(flow) = effect.flow_id().filter(|flow| !touched.contains(flow)) {
            touched.push(flow);
        }
        let outcome = apply_one(tx, key, now, effect, placed)?;
        let is_used = matches!(outcome, Outcome::Appended { .. });
        unused.extend(placed.filter(|_| !is_used));
        outcomes.push(outcome);
    }
    // At the end, because an agent's messages come in any order: rows may follow the report that ends their flow.
    for flow in touched {
        flows::settle(tx, key, flow)?;
    }
    catalogue::give_up(tx, &key.org, unused)?;
    Ok(outcomes)
}

fn apply_one(
    tx: &dyn Tx,
    key: &ClientKey,
    now: Micros,
    effect: &Effect,
    placed: Option<&Placed>,
) -> Result<Outcome> {
    match effect {
        Effect::Rows {
            flow_id,
            source,
            start_row,
            chunk,
        } => append_to_flow(
            tx,
            key,
            now,
            flow_id,
            (SetKind::Rows, source),
            *start_row,
            (chunk, placed),
        ),
        Effect::Logs {
            flow_id,
            start_row,
            chunk,
        } => append_to_flow(
            tx,
            key,
            now,
            flow_id,
            (SetKind::Logs, ""),
            *start_row,
            (chunk, placed),
        ),
        Effect::Progress { flow_id, progress } => report(tx, key, now, flow_id, progress),
        Effect::Upload { flow_id, upload } => store_upload(tx, key, now, flow_id, upload),
        Effect::UploadBegun {
            flow_id,
            object,
            vfs_path,
        } => flows::upload_begun(tx, key, flow_id, object, vfs_path),
        Effect::Loss { flow_id, what } => flows::lost(tx, key, flow_id, what),
        Effect::Events {
            source,
            kind,
            digest,
            at,
            chunk,
        } => events::append(tx, key, (*kind, source), digest, *at, (chunk, placed)),
        Effect::ServerEvents {
            source,
            digest,
            at,
            chunk,
        } => {
            let server = key.of_server();
            events::append(
                tx,
                &server,
                (SetKind::Events, source),
                digest,
                *at,
                (chunk, placed),
            )
        }
        Effect::Completion {
            flow_id,
            source,
            digest,
            at,
            chunk,
        } => {
            if !completions::told(tx, key, flow_id)? {
                return Ok(Outcome::Duplicate);
            }
            events::append(tx, key, (SetKind::Events, source), digest, *at, (chunk, placed))
        }
        Effect::Facts {
            facts,
            labels,
            flow_id,
            at,
        } => {
            clients::merge_facts(tx, key, facts, labels, flow_id.as_ref(), *at)?;
            Ok(Outcome::Done)
        }
    }
}

fn append_to_flow(
    tx: &dyn Tx,
    key: &ClientKey,
    now: Micros,
    flow: &FlowId,
    (kind, name): (SetKind, &str),
    start_row: Option<u64>,
    (chunk, placed): (&Chunk, Option<&Placed>),
) -> Result<Outcome> {
    let heard = |rows: u64| note_sign_of_life(tx, key, flow, now, (kind, rows));
    if chunk.rows == 0 {
        return heard(0).map(|found| {
            if found {
                Outcome::Done
            } else {
                Outcome::UnknownFlow
            }
        });
    }
    let name = SetName {
        session: flow.as_str(),
        kind,
        name,
    };
    let mut set = sets::open(tx, key, name)?;
    let chunk = match start_row {
        Some(start) => {
            let new = set.gaps.take(start..start.saturating_add(chunk.rows));
            match new.iter().map(|range| range.end - range.start).sum::<u64>() {
                0 => {
                    heard(0)?;
                    return Ok(Outcome::Duplicate);
                }
                count if count == chunk.rows => Cow::Borrowed(chunk),
                _ => {
                    let positions: Vec<_> = new
                        .iter()
                        .map(|range| range.start - start..range.end - start)
                        .collect();
                    Cow::Owned(chunk.pick(&positions)?)
                }
            }
        }
        None => {
            set.gaps.next = set.gaps.next.saturating_add(chunk.rows);
            Cow::Borrowed(chunk)
        }
    };
    let new = NewChunk {
        event: None,
        chunk: &chunk,
        // A chunk that was cut down differs from the object written ahead: it goes into the database, and the object is
        // left to the sweep.
        placed: placed.filter(|_| matches!(chunk, Cow::Borrowed(_))),
    };
    match sets::append(tx, key, name, &set, new)? {
        Added::Rows { set, total } => {
            heard(chunk.rows)?;
            Ok(Outcome::Appended { set, total })
        }
        Added::Duplicate => Ok(Outcome::Duplicate),
        Added::NoSet => Ok(Outcome::UnknownFlow),
    }
}

/// Also counts the rows. False if the flow does not exist.
fn note_sign_of_life(
    tx: &dyn Tx,
    key: &ClientKey,
    flow: &FlowId,
    now: Micros,
    (kind, rows): (SetKind, u64),
) -> Result<bool> {
    let statement = match kind {
        SetKind::Rows => {
            "UPDATE flows SET heard = ?4, row_count = row_count + ?5
             WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3"
        }
        _ => {
            "UPDATE flows SET heard = ?4, log_count = log_count + ?5
             WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3"
        }
    };
    let found = tx.execute(statement, values![&key.org, &key.client, flow, now, rows])?;
    Ok(found > 0)
}

fn report(tx: &dyn Tx, key: &ClientKey, now: Micros, flow: &FlowId, progress: &Progress) -> Result<Outcome> {
    let state: Option<i64> = tx.first(
        "SELECT state FROM flows WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
        values![&key.org, &key.client, flow],
        |row| row.take(0),
    )?;
    let Some(state) = state else {
        return Ok(Outcome::UnknownFlow);
    };
    if progress.is_unknown && flows::queue_again(tx, key, flow)? {
        return Ok(Outcome::QueuedAgain);
    }
    if progress.end.is_some() {
        flows::answered(tx, key, flow)?;
    }
    tx.execute(
        "UPDATE flows SET heard = ?4, query_stats = coalesce(?5, query_stats), started = coalesce(?6, started),
         last_active = coalesce(?7, last_active), duration_ns = CASE WHEN duration_ns < ?8 THEN ?8 ELSE duration_ns END
         WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
        values![
            &key.org,
            &key.client,
            flow,
            now,
            progress.query_stats.as_ref(),
            progress.started,
            progress.last_active,
            progress.duration_ns
        ],
    )?;
    // The first final state and its message win: a late report after a cancel, or a repeated one, changes nothing.
    if state != state_number(FlowState::Running) {
        return Ok(Outcome::Progressed { ended: false });
    }
    if let Some((state, status)) = &progress.end {
        tx.execute(
            "UPDATE flows SET state = ?4, status = ?5, reported_state = ?4, reported_status = ?5, finished = ?6
             WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
            values![
                &key.org,
                &key.client,
                flow,
                state_number(*state),
                status.as_ref(),
                now
            ],
        )?;
        completions::note(tx, key, flow, now)?;
        return Ok(Outcome::Progressed { ended: true });
    }
    if let Some(trouble) = &progress.trouble {
        tx.execute(
            "UPDATE flows SET status = ?4 WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
            values![&key.org, &key.client, flow, trouble],
        )?;
    }
    Ok(Outcome::Progressed { ended: false })
}

fn store_upload(
    tx: &dyn Tx,
    key: &ClientKey,
    now: Micros,
    flow: &FlowId,
    upload: &Upload,
) -> Result<Outcome> {
    tx.execute(
        "DELETE FROM open_uploads WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3 AND object = ?4",
        values![&key.org, &key.client, flow, &upload.object],
    )?;
    // Files are numbered in order of arrival; the number is part of their URL.
    let made = tx.execute(
        "INSERT INTO uploads (org_id, client_id, flow_id, object, number, record)
         SELECT org_id, client_id, flow_id, ?4, uploaded_files, ?5 FROM flows
         WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3 ON CONFLICT DO NOTHING",
        values![&key.org, &key.client, flow, &upload.object, &to_json(upload)?],
    )?;
    let found = tx.execute(
        "UPDATE flows SET heard = ?4, uploaded_files = uploaded_files + ?5, uploaded_bytes = uploaded_bytes + ?6
         WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
        values![&key.org, &key.client, flow, now, made, made * upload.uploaded_size],
    )?;
    Ok(match (found, made) {
        (0, _) => Outcome::UnknownFlow,
        (_, 0) => Outcome::Duplicate,
        _ => Outcome::Done,
    })
}
