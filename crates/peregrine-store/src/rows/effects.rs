//! The effects of an agent's packet, all in one transaction; a packet that comes twice changes nothing the second time.

use super::record::{Effect, Outcome, SetKind};
use super::{events, sets};
use crate::Result;
use crate::chunk::Chunk;
use crate::clients;
use crate::flows::{self, FlowState, Progress, Upload, state_number};
use crate::model::Micros;
use crate::sql::{ClientKey, Tx, to_json, values};
use std::borrow::Cow;

pub(super) fn apply(tx: &dyn Tx, key: &ClientKey, now: Micros, effects: &[Effect]) -> Result<Vec<Outcome>> {
    let mut touched: Vec<&str> = Vec::new();
    let mut outcomes = Vec::with_capacity(effects.len());
    for effect in effects {
        if let Some(flow) = effect.flow_id().filter(|flow| !touched.contains(flow)) {
            touched.push(flow);
        }
        outcomes.push(apply_one(tx, key, now, effect)?);
    }
    // Last, as an agent's messages come in any order: rows may follow the report that ends their flow.
    for flow in touched {
        flows::settle(tx, key, flow)?;
    }
    Ok(outcomes)
}

fn apply_one(tx: &dyn Tx, key: &ClientKey, now: Micros, effect: &Effect) -> Result<Outcome> {
    match effect {
        Effect::Rows {
            flow_id,
            source,
            start_row,
            chunk,
        } => append_to_flow(tx, key, now, flow_id, (SetKind::Rows, source), *start_row, chunk),
        Effect::Logs {
            flow_id,
            start_row,
            chunk,
        } => append_to_flow(tx, key, now, flow_id, (SetKind::Logs, ""), *start_row, chunk),
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
        } => events::append(tx, key, source, *kind, digest, *at, chunk),
        Effect::Facts {
            facts,
            labels,
            flow_id,
            at,
        } => {
            clients::merge_facts(tx, key, facts, labels, flow_id.as_deref(), *at)?;
            Ok(Outcome::Done)
        }
    }
}

fn append_to_flow(
    tx: &dyn Tx,
    key: &ClientKey,
    now: Micros,
    flow: &str,
    (kind, name): (SetKind, &str),
    start_row: Option<u64>,
    chunk: &Chunk,
) -> Result<Outcome> {
    if !note_sign_of_life(tx, key, flow, now)? {
        return Ok(Outcome::UnknownFlow);
    }
    if chunk.rows == 0 {
        return Ok(Outcome::Done);
    }
    let Some(mut set) = sets::open(tx, key, flow, kind, name)? else {
        return Ok(Outcome::UnknownFlow);
    };
    let chunk = match start_row {
        Some(start) => {
            let new = set.gaps.take(start..start.saturating_add(chunk.rows));
            match new.iter().map(|range| range.end - range.start).sum::<u64>() {
                0 => return Ok(Outcome::Duplicate),
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
    sets::insert_chunk(tx, &set, None, &chunk)?;
    let total = set.end_row.saturating_add(chunk.rows);
    tx.execute(
        "UPDATE result_sets SET end_row = ?2, agent_next = ?3, gaps = ?4 WHERE id = ?1",
        values![set.id, total, set.gaps.next, &set.gaps.to_text()],
    )?;
    let count = match kind {
        SetKind::Rows => "row_count",
        _ => "log_count",
    };
    tx.execute(
        &format!(
            "UPDATE flows SET {count} = {count} + ?4 WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3"
        ),
        values![&key.org, &*key.client, flow, chunk.rows],
    )?;
    Ok(Outcome::Appended { total })
}

/// False when there is no such flow.
fn note_sign_of_life(tx: &dyn Tx, key: &ClientKey, flow: &str, now: Micros) -> Result<bool> {
    let found = tx.execute(
        "UPDATE flows SET heard = ?4 WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
        values![&key.org, &*key.client, flow, now],
    )?;
    Ok(found > 0)
}

fn report(tx: &dyn Tx, key: &ClientKey, now: Micros, flow: &str, progress: &Progress) -> Result<Outcome> {
    let state: Option<i64> = tx.first(
        "SELECT state FROM flows WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
        values![&key.org, &*key.client, flow],
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
            &*key.client,
            flow,
            now,
            progress.query_stats.as_ref(),
            progress.started,
            progress.last_active,
            progress.duration_ns
        ],
    )?;
    // What ended stays ended: the first final state and its message win (a late report after a cancel, a repeat).
    if state != state_number(FlowState::Running) {
        return Ok(Outcome::Progressed { ended: false });
    }
    if let Some((state, status)) = &progress.end {
        tx.execute(
            "UPDATE flows SET state = ?4, status = ?5, reported_state = ?4, reported_status = ?5, finished = ?6
             WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
            values![
                &key.org,
                &*key.client,
                flow,
                state_number(*state),
                status.as_ref(),
                now
            ],
        )?;
        return Ok(Outcome::Progressed { ended: true });
    }
    if let Some(trouble) = &progress.trouble {
        tx.execute(
            "UPDATE flows SET status = ?4 WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
            values![&key.org, &*key.client, flow, trouble],
        )?;
    }
    Ok(Outcome::Progressed { ended: false })
}

fn store_upload(tx: &dyn Tx, key: &ClientKey, now: Micros, flow: &str, upload: &Upload) -> Result<Outcome> {
    if !note_sign_of_life(tx, key, flow, now)? {
        return Ok(Outcome::UnknownFlow);
    }
    tx.execute(
        "DELETE FROM open_uploads WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3 AND object = ?4",
        values![&key.org, &*key.client, flow, &upload.object],
    )?;
    // Files count as they come; their number is their address.
    let made = tx.execute(
        "INSERT INTO uploads (org_id, client_id, flow_id, object, number, record)
         SELECT org_id, client_id, flow_id, ?4, uploaded_files, ?5 FROM flows
         WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3 ON CONFLICT DO NOTHING",
        values![&key.org, &*key.client, flow, &upload.object, &to_json(upload)?],
    )?;
    if made == 0 {
        return Ok(Outcome::Duplicate);
    }
    tx.execute(
        "UPDATE flows SET uploaded_files = uploaded_files + 1, uploaded_bytes = uploaded_bytes + ?4
         WHERE org_id = ?1 AND client_id = ?2 AND flow_id = ?3",
        values![&key.org, &*key.client, flow, upload.uploaded_size],
    )?;
    Ok(Outcome::Done)
}
