//! Files that collections upload, from the query to the packets the server gets.

#![allow(clippy::unwrap_used)] // in helpers too, which clippy does not take for tests

use crate::common::*;
use peregrine_agent::EngineRunner;
use peregrine_engine::builtin;
use peregrine_proto::velo_status::ReturnedStatus;
use peregrine_proto::{FileBuffer, VqlEnv};
use std::path::Path;
use std::sync::Arc;

const PIECE: usize = 1 << 20;

fn start(server: &Server, state: &Path) -> Agent {
    let config = config(server, "http");
    let registry = Arc::new(peregrine_functions::register(builtin::registry()));
    let runner = EngineRunner::new(registry, &config, |context| context);
    Agent::start(config, state, Arc::new(runner))
}

/// The packets of a flow's files, and where the first row came among them.
fn packets(server: &Server, flow: &str) -> (Vec<FileBuffer>, usize) {
    server.change(|state| {
        let relevant: Vec<_> = state
            .of(flow)
            .filter(|message| message.file_buffer.is_some() || message.vql_response.is_some())
            .collect();
        let first_row = relevant.iter().position(|message| message.vql_response.is_some());
        let files = relevant
            .iter()
            .filter_map(|message| message.file_buffer.clone())
            .collect();
        (files, first_row.unwrap_or(usize::MAX))
    })
}

fn env(key: &str, value: &Path) -> VqlEnv {
    VqlEnv {
        key: key.into(),
        value: value.to_str().unwrap().into(),
        ..VqlEnv::default()
    }
}

#[test]
fn files_arrive_in_pieces_before_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let agent = start(&server, folder.path());
    let content: Vec<u8> = (0..PIECE + 77).map(|n| (n % 251) as u8).collect();
    let big = folder.path().join("big file");
    std::fs::write(&big, &content).unwrap();
    for (flow_id, compress) in [("F.1", false), ("F.2", true)] {
        server.task(flow(
            flow_id,
            &[
                "SELECT upload(file=Big, mtime=5, name='/x/y') AS A, upload(accessor='data', file='', name='none') AS B,
                      upload(file=Big, name='/x/y') AS Again FROM scope()",
            ],
            |flow| {
                flow.compression = i32::from(compress);
                flow.vql_client_actions[0].env.push(env("Big", &big));
            },
        ));
        let stats = server.wait_for_end(flow_id);
        let status = &stats.query_status[0];
        assert_eq!(status.status(), ReturnedStatus::Ok, "{}", server.logs(flow_id));
        let length = i64::try_from(content.len()).unwrap();
        assert_eq!(
            (
                status.uploaded_files,
                status.uploaded_bytes,
                status.expected_uploaded_bytes
            ),
            (2, length, length)
        );

        let (files, first_row) = packets(&server, flow_id);
        let [first, second, end, empty] = &files[..] else {
            panic!("{} packets", files.len())
        };
        assert_eq!(first_row, 4);
        let pathspec = first.pathspec.as_ref().unwrap();
        assert_eq!(
            (pathspec.path.as_str(), pathspec.accessor.as_str()),
            ("/x/y", "auto")
        );
        assert_eq!(pathspec.components, ["x", "y"]);
        let mut whole = Vec::new();
        for (packet, offset, stored) in [
            (first, 0, PIECE),
            (second, PIECE, content.len()),
            (end, content.len(), content.len()),
        ] {
            assert_eq!(
                (packet.offset, packet.stored_size),
                (offset as u64, stored as u64)
            );
            assert_eq!((packet.size, packet.upload_number), (content.len() as u64, 0));
            assert_eq!(packet.mtime, 5_000_000_000);
            assert_eq!(packet.data_length, (stored - offset) as u64);
            assert_eq!(packet.eof, packet.data.is_empty());
            if compress && !packet.eof {
                assert_eq!(packet.uncompressed_length, packet.data_length);
                whole.extend(peregrine_wire::pack::decompress(&packet.data, PIECE).unwrap());
            } else {
                assert_eq!(packet.uncompressed_length, 0);
                whole.extend(&packet.data);
            }
        }
        assert!(whole == content);
        assert!(empty.eof && empty.offset == 0 && empty.size == 0 && empty.upload_number == 1);
        assert_eq!(empty.pathspec.as_ref().unwrap().accessor, "data");
        if !compress {
            let row = &server.rows(flow_id)[0].jsonl_response;
            assert!(
                row.contains(r#""Size":1048653,"UploadId":0,"StoredSize":1048653,"sha256":""#),
                "{row}"
            );
            assert!(row.contains(r#""StoredName":"/x/y","Components":["x","y"],"Accessor":"auto""#));
        }
    }
    agent.stop();
}

#[test]
fn the_upload_limit_ends_a_flow() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let agent = start(&server, folder.path());
    let big = folder.path().join("big");
    std::fs::write(&big, vec![7; 3 * PIECE]).unwrap();
    server.task(flow("F.1", &["SELECT upload(file=Big) FROM scope()"], |flow| {
        flow.max_upload_bytes = PIECE as u64 + 1;
        flow.vql_client_actions[0].env.push(env("Big", &big));
    }));
    let stats = server.wait_for_end("F.1");
    let status = &stats.query_status[0];
    assert_eq!(status.status(), ReturnedStatus::GenericError);
    assert!(
        status.error_message.contains("Upload limit of 1048577 bytes"),
        "{}",
        status.error_message
    );
    let (files, _) = packets(&server, "F.1");
    assert_eq!(files.len(), 1, "one piece fits, and no end follows it");
    agent.stop();
}

#[test]
fn queries_of_a_flow_share_numbers_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let agent = start(&server, folder.path());
    let query = "SELECT upload(accessor='data', file='same', name='same') AS S,
                        upload(accessor='data', file='other', name=_Name) AS O FROM scope()";
    server.task(flow("F.1", &[query, query, query], |flow| {
        for (action, name) in flow.vql_client_actions.iter_mut().zip(["a", "b", "c"]) {
            action.env.push(env("_Name", Path::new(name)));
        }
    }));
    let stats = server.wait_for_end("F.1");
    assert_eq!(
        stats
            .query_status
            .iter()
            .map(|status| status.uploaded_files)
            .sum::<i64>(),
        4
    );
    let (files, _) = packets(&server, "F.1");
    let mut ends: Vec<_> = files
        .iter()
        .filter(|packet| packet.eof)
        .map(|packet| packet.upload_number)
        .collect();
    ends.sort_unstable();
    assert_eq!(ends, [0, 1, 2, 3]);
    agent.stop();
}
