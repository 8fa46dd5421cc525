//! The effects of an agent's packet, all in one transaction; a packet that comes twice changes nothing the second time.

use super::clients::{clip, merge_facts};
use super::flows::state_number;
use super::missing::{self, Gaps};
use super::to_json;
use crate::Result;
use crate::chunk::Chunk;
use crate::model::{Effect, FlowState, Micros, Outcome, Progress, SetKind, Upload};
use peregrine_base::ids::MONITORING;
use rusqlite::{Connection, OptionalExtension, params};

/// Result sets of one flow, and event sets of one client.
const MAX_SETS: i64 = 1000;

pub(super) fn apply(
    sql: &Connection,
    client: &str,
    now: Micros,
    effects: Vec<Effect>,
) -> Result<Vec<Outcome>> {
    let mut flows: Vec<String> = Vec::new();
    let mut outcomes = Vec::with_capacity(effects.len());
    for effect in effects {
        if let Some(flow) = effect
            .flow_id()
            .filter(|flow| !flows.iter().any(|known| known == flow))
        {
            flows.push(flow.to_owned());
        }
        outcomes.push(apply_one(sql, client, now, effect)?);
    }
    // Last, as an agent's messages come in any order: rows may follow the report that ends their flow.
    for flow in flows {
        missing::settle(sql, client, &flow)?;
    }
    Ok(outcomes)
}

fn apply_one(sql: &Connection, client: &str, now: Micros, effect: Effect) -> Result<Outcome> {
    match effect {
        Effect::Rows {
            flow_id,
            source,
            start_row,
            chunk,
        } => append_to_flow(
            sql,
            client,
            now,
            &flow_id,
            SetKind::Rows,
            &source,
            start_row,
            chunk,
        ),
        Effect::Logs {
            flow_id,
            start_row,
            chunk,
        } => append_to_flow(sql, client, now, &flow_id, SetKind::Logs, "", start_row, chunk),
        Effect::Progress { flow_id, progress } => report(sql, client, now, &flow_id, progress),
        Effect::Upload { flow_id, upload } => store_upload(sql, client, now, &flow_id, &upload),
        Effect::UploadBegun {
            flow_id,
            object,
            vfs_path,
        } => missing::upload_begun(sql, client, &flow_id, &object, &vfs_path),
        Effect::Loss { flow_id, what } => missing::lost(sql, client, &flow_id, &what),
        Effect::Events {
            source,
            kind,
            digest,
            at,
            chunk,
        } => append_events(sql, client, &source, kind, &digest, at, &chunk),
        Effect::Facts {
            facts,
            labels,
            flow_id,
            at,
        } => {
            merge_facts(sql, client, *facts, &labels, flow_id.as_deref(), at)?;
            Ok(Outcome::Done)
        }
    }
}

#[allow(clippy::too_many_arguments)] // two callers just above; a struct would only repeat these names
fn append_to_flow(
    sql: &Connection,
    client: &str,
    now: Micros,
    flow: &str,
    kind: SetKind,
    name: &str,
    start_row: Option<u64>,
    chunk: Chunk,
) -> Result<Outcome> {
    if !hear(sql, client, flow, now)? {
        return Ok(Outcome::UnknownFlow);
    }
    if chunk.rows == 0 {
        return Ok(Outcome::Done);
    }
    let Some(set) = open_set(sql, client, flow, kind, name)? else {
        return Ok(Outcome::UnknownFlow);
    };
    let (end, next, gaps): (i64, i64, String) = sql
        .prepare_cached("SELECT end_row, agent_next, gaps FROM result_sets WHERE id = ?1")?
        .query_row([set], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let mut gaps = Gaps::parse(next.unsigned_abs(), &gaps);
    let chunk = match start_row {
        Some(start) => {
            let new = gaps.take(start..start.saturating_add(chunk.rows));
            match new.iter().map(|range| range.end - range.start).sum::<u64>() {
                0 => return Ok(Outcome::Duplicate),
                count if count == chunk.rows => chunk,
                _ => {
                    let positions: Vec<_> = new
                        .iter()
                        .map(|range| range.start - start..range.end - start)
                        .collect();
                    chunk.pick(&positions)?
                }
            }
        }
        None => {
            gaps.next = gaps.next.saturating_add(chunk.rows);
            chunk
        }
    };
    let total = end.saturating_add(clip(chunk.rows));
    insert_chunk(sql, set, end, None, None, &chunk)?;
    sql.prepare_cached("UPDATE result_sets SET end_row = ?2, agent_next = ?3, gaps = ?4 WHERE id = ?1")?
        .execute(params![set, total, clip(gaps.next), gaps.to_text()])?;
    let count = if kind == SetKind::Rows {
        "row_count"
    } else {
        "log_count"
    };
    sql.prepare_cached(&format!(
        "UPDATE flows SET {count} = {count} + ?3 WHERE client_id = ?1 AND flow_id = ?2"
    ))?
    .execute(params![client, flow, clip(chunk.rows)])?;
    Ok(Outcome::Appended {
        total: total.unsigned_abs(),
    })
}

/// Notes that the flow gave a sign of life; false when there is no such flow.
fn hear(sql: &Connection, client: &str, flow: &str, now: Micros) -> Result<bool> {
    let found = sql
        .prepare_cached("UPDATE flows SET heard = ?3 WHERE client_id = ?1 AND flow_id = ?2")?
        .execute(params![client, flow, now])?;
    Ok(found > 0)
}

/// The set of this name; none when the flow has too many already, which only a hostile agent brings about.
fn open_set(sql: &Connection, client: &str, flow: &str, kind: SetKind, name: &str) -> Result<Option<i64>> {
    let kind = kind_number(kind);
    let found = sql
        .prepare_cached(
            "SELECT id FROM result_sets WHERE client_id = ?1 AND flow_id = ?2 AND kind = ?3 AND name = ?4",
        )?
        .query_row(params![client, flow, kind, name], |row| row.get(0))
        .optional()?;
    if found.is_some() {
        return Ok(found);
    }
    let count: i64 = sql
        .prepare_cached("SELECT count(*) FROM result_sets WHERE client_id = ?1 AND flow_id = ?2")?
        .query_row([client, flow], |row| row.get(0))?;
    if count >= MAX_SETS {
        return Ok(None);
    }
    sql.prepare_cached("INSERT INTO result_sets (client_id, flow_id, kind, name) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![client, flow, kind, name])?;
    Ok(Some(sql.last_insert_rowid()))
}

fn insert_chunk(
    sql: &Connection,
    set: i64,
    first_row: i64,
    received: Option<Micros>,
    digest: Option<&[u8; 16]>,
    chunk: &Chunk,
) -> Result<bool> {
    let made = sql
        .prepare_cached(
            "INSERT OR IGNORE INTO chunks (set_id, first_row, row_count, received, digest, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            set,
            first_row,
            clip(chunk.rows),
            received,
            digest.map(|bytes| &bytes[..]),
            chunk.data
        ])?;
    Ok(made > 0)
}

fn append_events(
    sql: &Connection,
    client: &str,
    source: &str,
    kind: SetKind,
    digest: &[u8; 16],
    at: Micros,
    chunk: &Chunk,
) -> Result<Outcome> {
    if chunk.rows == 0 {
        return Ok(Outcome::Done);
    }
    let Some(set) = open_set(sql, client, MONITORING, kind, source)? else {
        return Ok(Outcome::UnknownFlow);
    };
    let (end, last): (i64, Option<Micros>) = sql
        .prepare_cached("SELECT end_row, last_received FROM result_sets WHERE id = ?1")?
        .query_row([set], |row| Ok((row.get(0)?, row.get(1)?)))?;
    // Receive times never go back within a set, so that a time range is a row range.
    let at = at.max(last.unwrap_or(at));
    if !insert_chunk(sql, set, end, Some(at), Some(digest), chunk)? {
        return Ok(Outcome::Duplicate);
    }
    let total = end.saturating_add(clip(chunk.rows));
    sql.prepare_cached(
        "UPDATE result_sets SET end_row = ?2, first_received = coalesce(first_received, ?3), last_received = ?3
         WHERE id = ?1",
    )?
    .execute(params![set, total, at])?;
    Ok(Outcome::Appended {
        total: total.unsigned_abs(),
    })
}

fn report(sql: &Connection, client: &str, now: Micros, flow: &str, progress: Progress) -> Result<Outcome> {
    let state: Option<i64> = sql
        .prepare_cached("SELECT state FROM flows WHERE client_id = ?1 AND flow_id = ?2")?
        .query_row([client, flow], |row| row.get(0))
        .optional()?;
    let Some(state) = state else {
        return Ok(Outcome::UnknownFlow);
    };
    sql.prepare_cached(
        "UPDATE flows SET heard = ?3, query_stats = coalesce(?4, query_stats), started = coalesce(?5, started),
         last_active = coalesce(?6, last_active), duration_ns = max(duration_ns, ?7)
         WHERE client_id = ?1 AND flow_id = ?2",
    )?
    .execute(params![
        client,
        flow,
        now,
        progress.query_stats,
        progress.started,
        progress.last_active,
        progress.duration_ns
    ])?;
    // What ended stays ended: the first final state and its message win (a late report after a cancel, a repeat).
    if state != state_number(FlowState::Running) {
        return Ok(Outcome::Progressed { ended: false });
    }
    if let Some((state, status)) = progress.end {
        sql.prepare_cached(
            "UPDATE flows SET state = ?3, status = ?4, reported_state = ?3, reported_status = ?4, finished = ?5
             WHERE client_id = ?1 AND flow_id = ?2",
        )?
        .execute(params![client, flow, state_number(state), status, now])?;
        return Ok(Outcome::Progressed { ended: true });
    }
    if let Some(trouble) = progress.trouble {
        sql.prepare_cached("UPDATE flows SET status = ?3 WHERE client_id = ?1 AND flow_id = ?2")?
            .execute([client, flow, &trouble])?;
    }
    Ok(Outcome::Progressed { ended: false })
}

fn store_upload(sql: &Connection, client: &str, now: Micros, flow: &str, upload: &Upload) -> Result<Outcome> {
    if !hear(sql, client, flow, now)? {
        return Ok(Outcome::UnknownFlow);
    }
    sql.prepare_cached("DELETE FROM open_uploads WHERE client_id = ?1 AND flow_id = ?2 AND object = ?3")?
        .execute([client, flow, &upload.object])?;
    let made = sql
        .prepare_cached(
            "INSERT OR IGNORE INTO uploads (client_id, flow_id, object, record) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![client, flow, upload.object, to_json(upload)?])?;
    if made == 0 {
        return Ok(Outcome::Duplicate);
    }
    sql.prepare_cached(
        "UPDATE flows SET uploaded_files = uploaded_files + 1, uploaded_bytes = uploaded_bytes + ?3
         WHERE client_id = ?1 AND flow_id = ?2",
    )?
    .execute(params![client, flow, clip(upload.uploaded_size)])?;
    Ok(Outcome::Done)
}

/// Numbers of the kinds in the table.
pub(super) fn kind_number(kind: SetKind) -> i64 {
    match kind {
        SetKind::Rows => 0,
        SetKind::Logs => 1,
        SetKind::Events => 2,
        SetKind::EventLogs => 3,
    }
}
