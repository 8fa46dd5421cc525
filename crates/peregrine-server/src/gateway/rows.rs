//! Rows as agents send them, made fit to be stored: every line is a JSON object.

use peregrine_proto::VqlResponse;
use peregrine_store::chunk::lines;
use peregrine_wire::{limits, pack};
use serde::de::IgnoredAny;

/// Stands for a line that is not a JSON object, so that row numbers stay what the agent thinks they are.
const DAMAGED: &[u8] = br#"{"_Error":"the agent sent a row that is not a JSON object"}"#;

/// The JSON lines of a response, in whichever of the three ways they were sent.
pub(super) fn of_response(response: &VqlResponse) -> Vec<u8> {
    if !response.compressed_json_response.is_empty() {
        return pack::decompress(&response.compressed_json_response, limits::BLOB).unwrap_or_default();
    }
    if !response.jsonl_response.is_empty() || response.response.is_empty() {
        return response.jsonl_response.as_bytes().to_vec();
    }
    let Ok(rows) = serde_json::from_str::<Vec<serde_json::Value>>(&response.response) else {
        return Vec::new();
    };
    rows.iter()
        .flat_map(|row| (row.to_string() + "\n").into_bytes())
        .collect()
}

/// Checks each line; `extra` is added to each object as its last members.
pub(super) fn clean(text: &[u8], extra: Option<&str>) -> Vec<u8> {
    let mut clean = Vec::with_capacity(text.len());
    for line in lines(text) {
        let is_object = line.first() == Some(&b'{') && serde_json::from_slice::<IgnoredAny>(line).is_ok();
        let line = if is_object && std::str::from_utf8(line).is_ok() {
            line
        } else {
            DAMAGED
        };
        match (extra, line.strip_suffix(b"}")) {
            (Some(extra), Some(open)) => {
                clean.extend_from_slice(open);
                if !open.trim_ascii_end().ends_with(b"{") {
                    clean.push(b',');
                }
                clean.extend_from_slice(extra.as_bytes());
                clean.push(b'}');
            }
            _ => clean.extend_from_slice(line),
        }
        clean.push(b'\n');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_no_objects_keep_their_number() {
        let text = b"{\"a\":1}\nnonsense\n\n[1]\n{\"b\":}\n\xff\n{}\n";
        let cleaned = String::from_utf8(clean(text, Some("\"_ts\":5"))).unwrap();
        let rows: Vec<serde_json::Value> = cleaned
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(rows.len(), 6);
        assert_eq!(rows[0], serde_json::json!({"a": 1, "_ts": 5}));
        assert!(rows[1]["_Error"].is_string() && rows[4]["_Error"].is_string());
        assert_eq!(rows[5], serde_json::json!({"_ts": 5}));
    }
}
