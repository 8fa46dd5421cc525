//! From a message to its effects. Nothing here waits or touches storage.

use super::rows;
use crate::flows::roll_up;
use crate::{clients, clock};
use peregrine_proto::{FileBuffer, LogMessage, Message, VeloMessage, VqlResponse};
use peregrine_store::chunk::Chunk;
use peregrine_store::{Effect, Micros, SetKind};
use peregrine_wire::{Obfuscator, ids};
use serde_json::json;

/// What a message asks for.
pub(super) enum Item {
    /// A change of the database.
    Effect(Box<Effect>),
    /// Part of a file.
    Buffer {
        flow_id: String,
        buffer: Box<FileBuffer>,
    },
    /// The version of the monitoring table the agent has.
    TableVersion(u64),
}

impl Item {
    fn effect(effect: Effect) -> Vec<Item> {
        vec![Item::Effect(Box::new(effect))]
    }
}

/// Takes a message apart. What has no meaning here is dropped.
pub(super) fn convert(
    names: Option<&Obfuscator>,
    client_id: &str,
    message: VeloMessage,
    now: Micros,
) -> Vec<Item> {
    if let Some(checkin) = message.foreman_checkin {
        return vec![Item::TableVersion(checkin.last_event_table_version)];
    }
    let session = message.session_id.clone();
    if session == ids::MONITORING {
        return monitoring(names, client_id, message, now);
    }
    if !ids::is_flow_id(&session) {
        return Vec::new();
    }
    let flow_id = ids::parent_flow(&session).to_owned();
    let is_child = flow_id != session;
    if let Some(response) = message.vql_response {
        return flow_rows(names, flow_id, is_child, &response, now);
    }
    if let Some(log) = message.log_message {
        let start_row = if is_child {
            None
        } else {
            u64::try_from(log.id).ok()
        };
        let Some(chunk) = log_chunk(names, &log) else {
            return Vec::new();
        };
        return Item::effect(Effect::Logs {
            flow_id,
            start_row,
            chunk,
        });
    }
    if let Some(stats) = message.flow_stats {
        return Item::effect(Effect::Progress {
            flow_id,
            progress: roll_up(names, stats),
        });
    }
    if let Some(buffer) = message.file_buffer {
        return vec![Item::Buffer {
            flow_id,
            buffer: Box::new(buffer),
        }];
    }
    Vec::new()
}

fn flow_rows(
    names: Option<&Obfuscator>,
    flow_id: String,
    is_child: bool,
    response: &VqlResponse,
    now: Micros,
) -> Vec<Item> {
    let Some(source) = source_name(names, response) else {
        return Vec::new();
    };
    let text = rows::clean(&rows::of_response(response), None);
    let Ok(chunk) = Chunk::pack(&text) else {
        return Vec::new();
    };
    // Agents before 0.7 left the number out; their later parts cannot be checked.
    let is_unnumbered = is_child || (response.part > 0 && response.query_start_row == 0);
    let start_row = (!is_unnumbered).then_some(response.query_start_row);
    let mut items = Vec::new();
    if let Some((facts, labels)) = clients::facts_of_interrogation(&source, &text) {
        let flow_id = Some(flow_id.clone());
        items.extend(Item::effect(Effect::Facts {
            facts: Box::new(facts),
            labels,
            flow_id,
            at: now,
        }));
    }
    items.extend(Item::effect(Effect::Rows {
        flow_id,
        source,
        start_row,
        chunk,
    }));
    items
}

fn monitoring(names: Option<&Obfuscator>, client_id: &str, message: VeloMessage, now: Micros) -> Vec<Item> {
    // The message as sent is its identity: agents repeat the same bytes.
    let digest = peregrine_wire::sha256(&message.encode_to_vec());
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    let extra = || {
        let id = json!(client_id);
        format!("\"ClientId\":{id},\"_ts\":{}", clock_seconds(now))
    };
    if let Some(response) = message.vql_response {
        let Some(source) = source_name(names, &response) else {
            return Vec::new();
        };
        let text = rows::of_response(&response);
        if source == "Server.Internal.ClientInfo" {
            let Some((facts, labels)) = clients::facts_of_agent(&text) else {
                return Vec::new();
            };
            return Item::effect(Effect::Facts {
                facts: Box::new(facts),
                labels,
                flow_id: None,
                at: now,
            });
        }
        let Ok(chunk) = Chunk::pack(&rows::clean(&text, Some(&extra()))) else {
            return Vec::new();
        };
        return Item::effect(Effect::Events {
            source,
            kind: SetKind::Events,
            digest: short,
            at: now,
            chunk,
        });
    }
    if let Some(log) = message.log_message {
        let source = reveal(names, &log.artifact).filter(|name| !name.is_empty());
        let (Some(source), Some(chunk)) = (source, log_chunk(names, &log)) else {
            return Vec::new();
        };
        return Item::effect(Effect::Events {
            source,
            kind: SetKind::EventLogs,
            digest: short,
            at: now,
            chunk,
        });
    }
    Vec::new()
}

fn clock_seconds(now: Micros) -> String {
    format!("{}.{:06}", now.div_euclid(1_000_000), now.rem_euclid(1_000_000))
}

/// The plain `Artifact/Source` of a response; none when it cannot be known.
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

/// Log lines with the names in them revealed.
fn log_chunk(names: Option<&Obfuscator>, log: &LogMessage) -> Option<Chunk> {
    let text = if log.jsonl.is_empty() && !log.message.is_empty() {
        let at = if log.timestamp > 0 {
            log.timestamp / 1_000_000
        } else {
            clock::now().unsigned_abs() / 1_000_000
        };
        json!({"client_time": at, "level": log.level, "message": log.message}).to_string()
    } else {
        log.jsonl.clone()
    };
    let text = match names {
        // Revealed names hold only letters, digits, dots and slashes, so JSON text stays JSON text.
        Some(names) if text.contains('$') => names.reveal_within(&text),
        _ => text,
    };
    Chunk::pack(&rows::clean(text.as_bytes(), None))
        .ok()
        .filter(|chunk| chunk.rows > 0)
}
