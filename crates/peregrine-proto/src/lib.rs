//! The protobuf messages agents and servers exchange, with their JSON form.
//!
//! `generated.rs` is made from `proto/*.proto` by `cargo run -p peregrine-proto --example generate`;
//! a test compares the two. Names follow Rust's case rules (`VQLCollectorArgs` is [`VqlCollectorArgs`],
//! its field `Query` is `query`); the names and numbers on the wire are those of the `.proto` files.

#![forbid(unsafe_code)]

#[rustfmt::skip]
#[allow(clippy::all)] // documented in the .proto files, as far as the name does not say it
mod generated;
mod json;

pub use generated::*;
pub use prost::{DecodeError, Message};

impl std::fmt::Debug for CipherProperties {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CipherProperties")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_uses_proto_names_and_leaves_zero_out() {
        let message = VeloMessage {
            session_id: "F.1".into(),
            args: vec![1, 2, 3],
            flow_request: Some(FlowRequest {
                vql_client_actions: vec![VqlCollectorArgs {
                    query: vec![VqlRequest {
                        vql: "SELECT 1 FROM scope()".into(),
                        name: "A".into(),
                    }],
                    timeout: 600,
                    ..Default::default()
                }],
                compression: flow_request::Compression::Zlib.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let json = serde_json::to_string(&message).unwrap();
        assert_eq!(
            json,
            r#"{"session_id":"F.1","args":"AQID","FlowRequest":{"VQLClientActions":[{"Query":[{"VQL":"SELECT 1 FROM scope()","Name":"A"}],"timeout":600}],"compression":1}}"#
        );
        assert_eq!(serde_json::from_str::<VeloMessage>(&json).unwrap(), message);
    }

    #[test]
    fn lists_concatenate() {
        let one = |id: &str| MessageList {
            job: vec![VeloMessage {
                session_id: id.into(),
                ..Default::default()
            }],
        };
        let bytes = [one("F.1").encode_to_vec(), one("F.2").encode_to_vec()].concat();
        let ids: Vec<_> = MessageList::decode(&*bytes)
            .unwrap()
            .job
            .into_iter()
            .map(|job| job.session_id)
            .collect();
        assert_eq!(ids, ["F.1", "F.2"]);
    }

    #[test]
    fn a_pad_is_an_empty_packet() {
        let pad = ClientCommunication {
            padding: vec![0],
            ..Default::default()
        };
        assert_eq!(pad.encode_to_vec(), [0x5a, 1, 0]);
    }

    #[test]
    fn secrets_are_not_printed() {
        let properties = CipherProperties {
            key: vec![77; 16],
            hmac_key: vec![78; 16],
            ..Default::default()
        };
        let text = format!("{properties:?}");
        assert!(!text.contains("77") && !text.contains("78"), "{text}");
    }
}
