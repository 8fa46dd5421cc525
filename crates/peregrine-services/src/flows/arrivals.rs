//! What comes in from an agent or a query on the server: stored, and told to those who wait for it.

use crate::changes::{Change, announce, topics};
use crate::{Core, Result, clock};
use peregrine_store::{ClientId, Effect, Outcome, SetKind};
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
    let mut changes: Vec<Change> = Vec::new();
    for (effect, outcome) in effects.iter().zip(outcomes) {
        log(client_id, effect, outcome);
        for change in changes_by(client_id, effect, outcome) {
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
    }
    for change in &changes {
        announce(core, change).await;
    }
}

fn log(client_id: &ClientId, effect: &Effect, outcome: &Outcome) {
    let flow_id = effect.flow_id().map(tracing::field::display);
    match outcome {
        Outcome::UnknownFlow => {
            tracing::debug!(%client_id, flow_id, "data for an unknown flow dropped");
        }
        Outcome::Progressed { ended: true } => tracing::info!(%client_id, flow_id, "collection ended"),
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

fn changes_by(client_id: &ClientId, effect: &Effect, outcome: &Outcome) -> Vec<Change> {
    let total_rows = match outcome {
        Outcome::Duplicate | Outcome::UnknownFlow => return Vec::new(),
        Outcome::Appended { total } => *total,
        Outcome::Progressed { .. } | Outcome::QueuedAgain | Outcome::Done => 0,
    };
    let client_id = || client_id.clone();
    let rows = match effect {
        Effect::Rows { source, .. } => Some(source),
        Effect::Events { source, kind, .. } if *kind == SetKind::Events => Some(source),
        _ => None,
    };
    let rows = rows.filter(|_| total_rows > 0).map(|source| Change::Rows {
        client_id: client_id(),
        flow_id: effect.flow_id().cloned(),
        source: source.clone(),
        total_rows,
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
