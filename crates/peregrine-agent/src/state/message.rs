//! Messages that several parts send: reports about collections, and log lines.

use crate::clock::now_seconds;
use peregrine_proto::{FlowStats, VeloMessage};
use peregrine_wire::ids;

/// A report about a collection.
pub(crate) fn stats_message(session_id: &str, stats: FlowStats) -> VeloMessage {
    VeloMessage {
        session_id: session_id.to_owned(),
        request_id: ids::request::STATS,
        flow_stats: Some(stats),
        ..VeloMessage::default()
    }
}

/// A log line as JSON, with its line end.
pub(crate) fn log_line(level: &str, message: &str) -> String {
    let line = serde_json::json!({ "client_time": now_seconds(), "level": level, "message": message });
    format!("{line}\n")
}
