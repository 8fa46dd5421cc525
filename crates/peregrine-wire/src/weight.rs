//! Estimates the memory a message takes once decoded, without decoding it.
//!
//! An empty element of a repeated message field takes two bytes on the wire and some hundred in memory, so a
//! small hostile message could exhaust the machine. Lists of messages are weighed first, and refused if they
//! are too heavy.

use crate::fields::{Field, Fields};
use peregrine_proto as proto;
use std::mem::size_of;

/// Message types that contain lists of messages, directly or indirectly.
#[derive(Clone, Copy)]
enum Kind {
    Message,
    FileBuffer,
    Index,
    CollectorArgs,
    EventTable,
    Response,
    FlowStats,
    FlowRequest,
    Resume,
    Artifact,
    Source,
    NotebookCell,
    Report,
    Tool,
    /// Contains no messages, but its strings are counted.
    Leaf,
}

/// The kind of a field's value and the size of its struct.
fn child(kind: Kind, number: u32) -> Option<(Kind, usize)> {
    use Kind::*;
    Some(match (kind, number) {
        (Message, 28) => (FileBuffer, size_of::<proto::FileBuffer>()),
        (Message, 30) => (CollectorArgs, size_of::<proto::VqlCollectorArgs>()),
        (Message, 31) => (EventTable, size_of::<proto::VqlEventTable>()),
        (Message, 33) => (Response, size_of::<proto::VqlResponse>()),
        (Message, 41) => (FlowStats, size_of::<proto::FlowStats>()),
        (Message, 42) => (FlowRequest, size_of::<proto::FlowRequest>()),
        (Message, 45) => (Resume, size_of::<proto::ResumeTransactions>()),
        (Message, 25 | 43 | 44) => (Leaf, size_of::<proto::VeloStatus>()),
        (FileBuffer, 1) => (Leaf, size_of::<proto::PathSpec>()),
        (FileBuffer, 6) => (Index, size_of::<proto::Index>()),
        (Index, 1) => (Leaf, size_of::<proto::Range>()),
        (CollectorArgs, 2) => (Leaf, size_of::<proto::VqlRequest>()),
        (CollectorArgs, 3) => (Leaf, size_of::<proto::VqlEnv>()),
        (CollectorArgs, 5) => (Artifact, size_of::<proto::Artifact>()),
        (EventTable, 1) | (FlowRequest, 1 | 6) => (CollectorArgs, size_of::<proto::VqlCollectorArgs>()),
        (Response, 3) => (Leaf, size_of::<proto::VqlRequest>()),
        (Response, 8) => (Leaf, size_of::<proto::VqlTypeMap>()),
        (FlowStats, 7) | (Resume, 6) => (Leaf, size_of::<proto::VeloStatus>()),
        (Resume, 5) => (Leaf, size_of::<proto::UploadTransaction>()),
        (Artifact, 3) | (Report, 3) => (Leaf, size_of::<proto::ArtifactParameter>()),
        (Artifact, 4) => (Source, size_of::<proto::ArtifactSource>()),
        (Artifact, 11) => (Report, size_of::<proto::Report>()),
        (Artifact, 15) | (Tool, 14) => (Tool, size_of::<proto::Tool>()),
        (Artifact, 16) => (Leaf, size_of::<proto::ColumnType>()),
        (Artifact, 25) => (Leaf, size_of::<proto::ArtifactMetadata>()),
        (Source, 5) => (NotebookCell, size_of::<proto::NotebookSourceCell>()),
        (NotebookCell, 3) => (Leaf, size_of::<proto::ArtifactEnv>()),
        _ => return None,
    })
}

/// Whether decoding a serialized `VeloMessage` takes at most this many bytes of overhead. Damage is left to
/// the decoder.
pub(crate) fn fits(message: &[u8], budget: usize) -> bool {
    let mut budget = budget;
    // A stack of partly walked messages; its depth is bounded by the types above, and by `Tool.versions`.
    let mut stack = vec![(Kind::Message, Fields::new(message))];
    while let Some((kind, fields)) = stack.last_mut() {
        match fields.next() {
            Some(Ok(Field::Bytes(number, bytes))) => {
                // A growing Vec may briefly hold twice its elements.
                let (kind, size) = child(*kind, number).unwrap_or((Kind::Leaf, size_of::<String>()));
                let Some(left) = budget.checked_sub(2 * size) else {
                    return false;
                };
                budget = left;
                if !matches!(kind, Kind::Leaf) || size > size_of::<String>() {
                    stack.push((kind, Fields::new(bytes)));
                }
                if stack.len() > MAX_DEPTH {
                    return false;
                }
            }
            Some(_) => {}
            None => {
                stack.pop();
            }
        }
    }
    true
}

/// The maximum depth of prost itself.
const MAX_DEPTH: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use proto::Message as _;

    #[test]
    fn lists_of_nothing_are_heavy() {
        let stats = proto::FlowStats {
            query_status: vec![Default::default(); 1000],
            ..Default::default()
        };
        let message = proto::VeloMessage {
            flow_stats: Some(stats),
            ..Default::default()
        }
        .encode_to_vec();
        assert!(message.len() < 2100);
        assert!(!fits(&message, 200_000) && fits(&message, 1_000_000));
    }

    #[test]
    fn lists_within_lists_are_heavy() {
        let tool = proto::Tool {
            versions: vec![Default::default(); 500],
            ..Default::default()
        };
        let artifact = proto::Artifact {
            tools: vec![tool; 3],
            ..Default::default()
        };
        let args = proto::VqlCollectorArgs {
            artifacts: vec![artifact],
            ..Default::default()
        };
        let request = proto::FlowRequest {
            vql_client_actions: vec![args],
            ..Default::default()
        };
        let message = proto::VeloMessage {
            flow_request: Some(request),
            ..Default::default()
        }
        .encode_to_vec();
        assert!(!fits(&message, 500_000) && fits(&message, 4_000_000));
    }

    #[test]
    fn bulk_is_light() {
        let response = proto::VqlResponse {
            jsonl_response: "x".repeat(1 << 20),
            ..Default::default()
        };
        let message = proto::VeloMessage {
            vql_response: Some(response),
            ..Default::default()
        }
        .encode_to_vec();
        assert!(fits(&message, 10_000));
    }
}
