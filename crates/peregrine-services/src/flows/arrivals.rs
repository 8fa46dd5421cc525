//! What comes in from an agent or a query on the server: stored, and told to those who wait for it.

use crate::changes::{Change, announce, topics};
use crate::events::Arrival;
use crate::{Core, Result, clock, events};
use peregrine_store::chunk::Chunk;
use peregrine_store::{ClientId, Effect, Outcome, SetKind};
use serde_json::json;
use std::sync::Arc;

/// Stores effects in one transaction and announces what they changed.
pub async fn store(core: &Core, client_id: &ClientId, effects: Vec<Effect>) -> Result<()> {
    if effects.is_empty() {
        return Ok(());
    }
    let effects: Arc<[Effect]> = effects.into();
    let database = &core.storage.database;
    let outcomes = database.apply(client_id, clock::now(), effects.clone()).await?;
    announce_stored(core, client_id, &effects, &outcomes).await;
    Ok(())
}

/// Announces each change once.
async fn announce_stored(core: &Core, client_id: &ClientId, effects: &[Effect], outcomes: &[Outcome]) {
    if outcomes.contains(&Outcome::QueuedAgain) {
        let told = core.storage.bus.publish(topics::TASKS, client_id.as_str()).await;
        if let Err(error) = told {
            tracing::warn!(%client_id, %error, "a task that comes again waits for the next poll");
        }
    }
    let server = ClientId::server();
    let mut changes: Vec<Change> = Vec::new();
    for (effect, outcome) in effects.iter().zip(outcomes) {
        log(client_id, effect, outcome);
        if let (Some(flow_id), Outcome::Progressed { ended: true }) = (effect.flow_id(), outcome) {
            core.ended.add((client_id.clone(), flow_id.clone()));
        }
        let owner = match effect {
            Effect::ServerEvents { .. } => &server,
            _ => client_id,
        };
        hand_over(core, owner, effect, outcome);
        for change in changes_by(core, owner, effect, outcome) {
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
    }
    for change in &changes {
        announce(core, change).await;
    }
    let is_interrogation = |effect: &&Effect| matches!(effect, Effect::Facts { flow_id: Some(_), .. });
    if effects.iter().any(|effect| is_interrogation(&effect)) {
        let told = json!({"ClientId": client_id});
        // What it tells is not stored, so this does not come back here.
        Box::pin(events::tell(
            core,
            "Server.Internal.Interrogation",
            client_id,
            told,
        ))
        .await;
    }
}

/// Passes event rows to those who watch for them here.
fn hand_over(core: &Core, client_id: &ClientId, effect: &Effect, outcome: &Outcome) {
    let (Some((source, chunk)), Outcome::Appended { set, total }) = (events_in(effect), outcome) else {
        return;
    };
    core.watches.deliver(source, || Arrival {
        client_id: client_id.clone(),
        set: *set,
        source: source.into(),
        rows: total.saturating_sub(chunk.rows)..*total,
        chunk: Some(chunk.clone()),
    });
}

fn events_in(effect: &Effect) -> Option<(&str, &Chunk)> {
    match effect {
        Effect::Events {
            source,
            kind: SetKind::Events,
            chunk,
            ..
        }
        | Effect::ServerEvents { source, chunk, .. }
        | Effect::Completion { source, chunk, .. } => Some((source, chunk)),
        _ => None,
    }
}

fn log(client_id: &ClientId, effect: &Effect, outcome: &Outcome) {
    let flow_id = effect.flow_id().map(tracing::field::display);
    match outcome {
        Outcome::UnknownFlow => {
            tracing::debug!(%client_id, flow_id, "data for an unknown flow dropped");
        }
        Outcome::Progressed { ended: true } => {
            tracing::info!(%client_id, flow_id, "collection ended");
        }
        Outcome::QueuedAgain => {
            tracing::info!(
                %client_id,
                flow_id,
                "a collection did not reach its agent and is sent again"
            );
        }
        Outcome::Appended { .. }
        | Outcome::Duplicate
        | Outcome::Progressed { ended: false }
        | Outcome::Done => {}
    }
}

fn changes_by(core: &Core, client_id: &ClientId, effect: &Effect, outcome: &Outcome) -> Vec<Change> {
    let (set, total_rows) = match outcome {
        Outcome::Duplicate | Outcome::UnknownFlow => return Vec::new(),
        Outcome::Appended { set, total } => (*set, *total),
        Outcome::Progressed { .. } | Outcome::QueuedAgain | Outcome::Done => Default::default(),
    };
    let client_id = || client_id.clone();
    let rows = match effect {
        Effect::Rows { source, .. } => Some(source.as_str()),
        _ => events_in(effect).map(|(source, _)| source),
    };
    let rows = rows.filter(|_| total_rows > 0).map(|source| Change::Rows {
        client_id: client_id(),
        flow_id: effect.flow_id().cloned(),
        source: source.to_owned(),
        set,
        total_rows,
        new_rows: events_in(effect).map_or(0, |(_, chunk)| chunk.rows),
        server_id: core.membership.id().to_owned(),
    });
    let flow = effect.flow_id().map(|flow_id| Change::Flow {
        client_id: client_id(),
        flow_id: flow_id.clone(),
    });
    let client = matches!(effect, Effect::Facts { .. }).then(|| Change::Client {
        client_id: client_id(),
    });
    rows.into_iter().chain(flow).chain(client).collect()
}
