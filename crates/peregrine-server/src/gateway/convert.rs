//! Converts messages to effects. Nothing here changes what is stored.

use super::accounts::{Accounts, Stop};
use super::alerts;
use super::rows::{self, Payload};
use super::uploads;
use peregrine_artifacts::Kind;
use peregrine_proto::{FileBuffer, LogMessage, Message, VeloMessage, VqlResponse};
use peregrine_services::events::{self, Origin, timestamp};
use peregrine_services::flows::roll_up;
use peregrine_services::{clients, clock};
use peregrine_store::{ClientId, Effect, FlowId, Micros, SetKind};
use peregrine_wire::{Obfuscator, ids};
use serde_json::json;

/// Something to do for a message.
pub(super) enum Item {
    /// A change to the database.
    Effect(Box<Effect>),
    /// Part of a file.
    Buffer {
        flow_id: FlowId,
        buffer: Box<FileBuffer>,
        /// The inflated bytes of the part; `None` when they are damaged.
        data: Option<Vec<u8>>,
    },
    /// The version of the monitoring table that the agent reports.
    TableVersion(u64),
}

/// Tells which data is expected, so that nothing else is unpacked. Lookups may block.
pub(super) trait KnownData {
    /// Whether the client has this collection.
    fn has_flow(&mut self, flow_id: &FlowId) -> bool;
    /// Whether this `Artifact/Source` can be part of the monitoring table.
    fn has_events(&mut self, source: &str) -> bool;
}

/// Converts the messages of one packet.
pub(super) struct Converter<'a> {
    pub(super) names: Option<&'a Obfuscator>,
    pub(super) client_id: &'a ClientId,
    pub(super) known: &'a mut dyn KnownData,
    pub(super) accounts: &'a mut Accounts,
    pub(super) send: &'a mut dyn FnMut(Item) -> Result<(), Stop>,
    pub(super) now: Micros,
}

impl Converter<'_> {
    /// Sends the items of a message. Messages without a meaning here, or for unknown collections or sources, are dropped.
    pub(super) fn message(&mut self, message: VeloMessage) -> Result<(), Stop> {
        self.accounts.charge_message(message.encoded_len())?;
        if let Some(checkin) = message.foreman_checkin {
            return (self.send)(Item::TableVersion(checkin.last_event_table_version));
        }
        let session = &message.session_id;
        if session == ids::MONITORING {
            return self.monitoring(message);
        }
        let Some(flow_id) = FlowId::of_session(session) else {
            return Ok(());
        };
        let is_child = flow_id.as_str() != session;
        if !self.known.has_flow(&flow_id) {
            return Ok(());
        }
        if let Some(response) = &message.vql_response {
            return self.flow_rows(flow_id, is_child, response);
        }
        if let Some(log) = &message.log_message {
            let origin = Origin {
                client_id: Some(self.client_id),
                flow_id: Some(&flow_id),
                ..Origin::default()
            };
            self.alerts(&message, log, origin)?;
            return self.flow_log(flow_id, is_child, log);
        }
        if let Some(stats) = message.flow_stats {
            let progress = roll_up(self.names, stats);
            return self.effect(Effect::Progress { flow_id, progress });
        }
        if let Some(mut buffer) = message.file_buffer {
            self.accounts
                .charge(buffer.uncompressed_length.max(buffer.data.len() as u64))?;
            let data = uploads::take_inflated(&mut buffer);
            let buffer = Box::new(buffer);
            return (self.send)(Item::Buffer {
                flow_id,
                buffer,
                data,
            });
        }
        Ok(())
    }

    fn effect(&mut self, effect: Effect) -> Result<(), Stop> {
        (self.send)(Item::Effect(Box::new(effect)))
    }

    fn flow_rows(&mut self, flow_id: FlowId, is_child: bool, response: &VqlResponse) -> Result<(), Stop> {
        let Some(source) = source_name(self.names, response) else {
            return Ok(());
        };
        let payload = Payload::of(response);
        // Agents before 0.7 left the row number out, so their later parts cannot be checked for gaps.
        let is_unnumbered = is_child || (response.part > 0 && response.query_start_row == 0);
        let start_row = (!is_unnumbered).then_some(response.query_start_row);
        if let Some((facts, labels)) = clients::facts_of_interrogation(&source, &payload.first_row()) {
            self.effect(Effect::Facts {
                facts: Box::new(facts),
                labels,
                flow_id: Some(flow_id.clone()),
                at: self.now,
            })?;
        }
        let mut stored = 0;
        let send = &mut self.send;
        let outcome = rows::pack(payload, None, None, self.accounts, &mut |first, chunk| {
            stored = first + chunk.rows;
            send(Item::Effect(Box::new(Effect::Rows {
                flow_id: flow_id.clone(),
                source: source.clone(),
                start_row: start_row.map(|start| start.saturating_add(first)),
                chunk,
            })))
        });
        if outcome == Err(Stop::Spent) {
            let first = response.query_start_row.saturating_add(stored);
            let what = format!("rows from {first} on of `{source}`, in a packet that unpacks to too much");
            self.effect(Effect::Loss { flow_id, what })?;
        }
        outcome
    }

    fn flow_log(&mut self, flow_id: FlowId, is_child: bool, log: &LogMessage) -> Result<(), Stop> {
        // The log lines of the oldest agents are not numbered, and neither are alerts of some agents.
        let is_unnumbered = is_child || log.jsonl.is_empty() || log.level == "ALERT" && log.id == 0;
        let start_row = u64::try_from(log.id).ok().filter(|_| !is_unnumbered);
        let send = &mut self.send;
        pack_log(self.names, log, self.accounts, &mut |first, chunk| {
            send(Item::Effect(Box::new(Effect::Logs {
                flow_id: flow_id.clone(),
                start_row: start_row.map(|start| start.saturating_add(first)),
                chunk,
            })))
        })
    }

    /// Passes on the alerts of a log. They go with the rest of the packet into one transaction; a repeated message has the same
    /// digest and adds none.
    fn alerts(&mut self, message: &VeloMessage, log: &LogMessage, origin: Origin<'_>) -> Result<(), Stop> {
        if !alerts::may_be_in(log) {
            return Ok(());
        }
        let artifact = reveal(self.names, &log.artifact).unwrap_or_default();
        let origin = Origin {
            artifact: &artifact,
            ..origin
        };
        let lines = alerts::lines(self.names, log, &origin, self.now, self.accounts)?;
        if lines.is_empty() {
            return Ok(());
        }
        let id = [self.client_id.as_str().as_bytes(), &message.encode_to_vec()].concat();
        let digest = piece_digest(&peregrine_wire::sha256(&id), 0);
        // Lines are bounded, so that only a lack of memory fails here.
        let effect = events::alerts(&lines, digest, self.now).map_err(|_| Stop::Spent)?;
        self.effect(effect)
    }

    fn monitoring(&mut self, message: VeloMessage) -> Result<(), Stop> {
        // The digest of the message identifies it: agents repeat the same bytes.
        let digest = peregrine_wire::sha256(&message.encode_to_vec());
        let now = self.now;
        if let Some(response) = &message.vql_response {
            let Some(source) = source_name(self.names, response) else {
                return Ok(());
            };
            let payload = Payload::of(response);
            if source == "Server.Internal.ClientInfo" {
                let Some((facts, labels)) = clients::facts_of_agent(&payload.first_row()) else {
                    return Ok(());
                };
                return self.effect(Effect::Facts {
                    facts: Box::new(facts),
                    labels,
                    flow_id: None,
                    at: now,
                });
            }
            if !self.known.has_events(&source) {
                return Ok(());
            }
            let extra = format!(
                "\"ClientId\":{},\"_ts\":{}",
                json!(self.client_id),
                timestamp(now)
            );
            let send = &mut self.send;
            return rows::pack(payload, Some(&extra), None, self.accounts, &mut |first, chunk| {
                send(Item::Effect(Box::new(Effect::Events {
                    source: source.clone(),
                    kind: SetKind::Events,
                    digest: piece_digest(&digest, first),
                    at: now,
                    chunk,
                })))
            });
        }
        if let Some(log) = &message.log_message {
            let source = reveal(self.names, &log.artifact).filter(|name| !name.is_empty());
            let Some(source) = source.filter(|source| self.known.has_events(source)) else {
                return Ok(());
            };
            let origin = Origin {
                client_id: Some(self.client_id),
                kind: Some(Kind::ClientEvent),
                ..Origin::default()
            };
            self.alerts(&message, log, origin)?;
            let send = &mut self.send;
            return pack_log(self.names, log, self.accounts, &mut |first, chunk| {
                send(Item::Effect(Box::new(Effect::Events {
                    source: source.clone(),
                    kind: SetKind::EventLogs,
                    digest: piece_digest(&digest, first),
                    at: now,
                    chunk,
                })))
            });
        }
        Ok(())
    }
}

/// Identifies a part of a message; the first part has the message's own digest.
fn piece_digest(message: &[u8; 32], first_row: u64) -> [u8; 16] {
    let mut short = [0; 16];
    if first_row == 0 {
        short.copy_from_slice(&message[..16]);
    } else {
        let part = [&message[..], &first_row.to_le_bytes()].concat();
        short.copy_from_slice(&peregrine_wire::sha256(&part)[..16]);
    }
    short
}

/// The plain `Artifact/Source` of a response; `None` when its name cannot be revealed or is not a sensible one.
fn source_name(names: Option<&Obfuscator>, response: &VqlResponse) -> Option<String> {
    let name = &response.query.as_ref()?.name;
    reveal(names, name).filter(|name| !name.is_empty() && name.len() <= 512)
}

fn reveal(names: Option<&Obfuscator>, name: &str) -> Option<String> {
    match names {
        Some(names) => names.reveal(name),
        None => (!name.starts_with('$')).then(|| name.to_owned()),
    }
}

/// Packs log lines, with the artifact names in them revealed.
fn pack_log(
    names: Option<&Obfuscator>,
    log: &LogMessage,
    accounts: &mut Accounts,
    emit: &mut rows::Emit<'_>,
) -> Result<(), Stop> {
    if !log.jsonl.is_empty() || log.message.is_empty() {
        return rows::pack(Payload::Lines(log.jsonl.as_bytes()), None, names, accounts, emit);
    }
    let at = if log.timestamp > 0 {
        log.timestamp / 1_000_000
    } else {
        clock::now().unsigned_abs() / 1_000_000
    };
    let line = json!({"client_time": at, "level": log.level, "message": log.message}).to_string();
    rows::pack(Payload::Lines(line.as_bytes()), None, names, accounts, emit)
}
