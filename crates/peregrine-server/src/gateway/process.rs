//! Takes a packet of a known agent apart and makes everything in it durable, in one database transaction.
//! Files go to the object store first; a packet that comes again finds everything done.

use super::convert::{Item, convert};
use super::uploads::Uploads;
use crate::push::{Change, announce};
use crate::shared::Shared;
use crate::{Error, clock};
use http::StatusCode;
use peregrine_store::{Effect, Outcome, SetKind};
use peregrine_wire::Packet;
use std::sync::Arc;
use tokio::sync::mpsc;

/// What a packet said besides data.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Version of the monitoring table the agent has.
    pub(super) reported_table: Option<u64>,
}

/// Messages decoded ahead of storing.
const AHEAD: usize = 8;

/// Processes a packet. An error is the status to answer: 400 drops the packet, 503 brings it again.
pub(super) async fn packet(shared: &Arc<Shared>, packet: Packet, peer: &str) -> Result<Said, StatusCode> {
    let client_id = packet.source.clone();
    if shared.gateway.connections.touch(&client_id, peer) {
        announce(
            shared,
            &Change::Client {
                client_id: client_id.clone(),
            },
        )
        .await;
    }
    let (sender, mut items) = mpsc::channel(AHEAD);
    let (worker, from) = (shared.clone(), client_id.clone());
    // Inflating, checking and compressing rows is CPU work.
    let decoding = tokio::task::spawn_blocking(move || decode(&worker, &from, &packet, &sender));

    let mut said = Said::default();
    let mut effects = Vec::new();
    let mut uploads = Uploads::new(shared, &client_id);
    while let Some(item) = items.recv().await {
        match item {
            Item::Effect(effect) => effects.push(*effect),
            Item::TableVersion(version) => said.reported_table = Some(version),
            Item::Buffer { flow_id, buffer } => match uploads.store(&flow_id, *buffer).await {
                Ok(effect) => effects.extend(effect),
                Err(error) => return Err(status(shared, &client_id, &error)),
            },
        }
    }
    let is_whole = decoding.await.unwrap_or(false);
    store(shared, &client_id, effects)
        .await
        .map_err(|error| status(shared, &client_id, &error))?;

    if is_whole {
        Ok(said)
    } else {
        Err(StatusCode::BAD_REQUEST)
    }
}

/// Sends the packet's items; false when part of it could not be read.
fn decode(shared: &Shared, client_id: &str, packet: &Packet, items: &mpsc::Sender<Item>) -> bool {
    for message in packet.messages() {
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(client_id, %error, "damaged packet content");
                return false;
            }
        };
        for item in convert(shared.obfuscator.as_ref(), client_id, message, clock::now()) {
            if items.blocking_send(item).is_err() {
                return false;
            }
        }
    }
    true
}

async fn store(shared: &Shared, client_id: &str, effects: Vec<Effect>) -> Result<(), Error> {
    if effects.is_empty() {
        return Ok(());
    }
    let mut about: Vec<About> = effects.iter().map(About::of).collect();
    let outcomes = shared
        .storage
        .database
        .apply(client_id, clock::now(), effects)
        .await?;
    *shared.trouble.lock() = None;
    about
        .iter_mut()
        .zip(&outcomes)
        .for_each(|(about, outcome)| about.settle(client_id, outcome));
    let mut changes: Vec<Change> = Vec::new();
    for change in about.into_iter().flat_map(|about| about.changes(client_id)) {
        if !changes.contains(&change) {
            changes.push(change);
        }
    }
    for change in &changes {
        announce(shared, change).await;
    }
    Ok(())
}

/// What an effect was about, for telling browsers.
#[derive(Debug, Default)]
struct About {
    flow_id: Option<String>,
    source: Option<String>,
    total: u64,
    is_client: bool,
}

impl About {
    fn of(effect: &Effect) -> About {
        match effect {
            Effect::Rows { flow_id, source, .. } => About {
                flow_id: Some(flow_id.clone()),
                source: Some(source.clone()),
                ..About::default()
            },
            Effect::Logs { flow_id, .. }
            | Effect::Progress { flow_id, .. }
            | Effect::Upload { flow_id, .. } => About {
                flow_id: Some(flow_id.clone()),
                ..About::default()
            },
            Effect::Events { source, kind, .. } => {
                let source = (*kind == SetKind::Events).then(|| source.clone());
                About {
                    source,
                    ..About::default()
                }
            }
            Effect::Facts { .. } => About {
                is_client: true,
                ..About::default()
            },
        }
    }

    fn settle(&mut self, client_id: &str, outcome: &Outcome) {
        match outcome {
            Outcome::Appended { total } => self.total = *total,
            Outcome::Duplicate => *self = About::default(),
            Outcome::UnknownFlow => {
                tracing::debug!(
                    client_id,
                    flow_id = self.flow_id,
                    "data for an unknown flow dropped"
                );
                *self = About::default();
            }
            Outcome::Progressed { ended: true } => {
                tracing::info!(client_id, flow_id = self.flow_id, "collection ended");
            }
            Outcome::Progressed { ended: false } | Outcome::Done => {}
        }
    }

    fn changes(self, client_id: &str) -> Vec<Change> {
        let client_id = client_id.to_owned();
        let mut changes = Vec::new();
        if let Some(source) = self.source.filter(|_| self.total > 0) {
            let flow_id = self
                .flow_id
                .clone()
                .unwrap_or_else(|| peregrine_wire::ids::MONITORING.to_owned());
            changes.push(Change::Rows {
                client_id: client_id.clone(),
                flow_id,
                source,
                total_rows: self.total,
            });
        }
        if let Some(flow_id) = self.flow_id {
            changes.push(Change::Flow {
                client_id: client_id.clone(),
                flow_id,
            });
        }
        if self.is_client {
            changes.push(Change::Client { client_id });
        }
        changes
    }
}

/// The server's trouble brings the packet again; what can never work drops it.
fn status(shared: &Shared, client_id: &str, error: &Error) -> StatusCode {
    *shared.trouble.lock() = Some(error.to_string());
    tracing::error!(client_id, %error, "packet not stored");
    match error {
        Error::Store(error) if error.is_temporary() => StatusCode::SERVICE_UNAVAILABLE,
        Error::Store(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}
