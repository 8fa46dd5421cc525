//! The event table: started, replaced, kept over restarts.

#![allow(clippy::unwrap_used)] // in helpers too, which clippy does not take for tests

use crate::common::*;
use peregrine_proto::{FlowStatsRequest, VeloMessage, VqlEventTable};
use std::sync::Arc;

fn table(version: u64, vql: &[&str]) -> VeloMessage {
    let event = vql.iter().map(|vql| {
        let mut request = request(vql);
        request.query[0].name = format!("Event.{vql}");
        request.max_wait = 1;
        request
    });
    VeloMessage {
        session_id: "F.Monitoring".into(),
        update_event_table: Some(VqlEventTable {
            event: event.collect(),
            version,
        }),
        ..VeloMessage::default()
    }
}

fn rows_of(state: &State, vql: &str) -> u64 {
    let name = format!("Event.{vql}");
    let parts = state
        .of("F.Monitoring")
        .filter_map(|message| message.vql_response.as_ref());
    parts
        .filter(|part| part.query.as_ref().is_some_and(|query| query.name == name))
        .map(|part| part.total_rows)
        .sum()
}

fn wait_for_version(server: &Server, version: u64) {
    server.wait("event table version", |state| {
        let mut checkins = state
            .of("E.Foreman")
            .filter_map(|message| message.foreman_checkin.as_ref());
        checkins
            .any(|checkin| checkin.last_event_table_version == version)
            .then_some(())
    });
}

#[test]
fn a_table_is_started_replaced_and_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let agent = Agent::start(config(&server, "http"), folder.path(), Arc::new(Words::default()));
    server.task(table(10, &["rows 2; wait", "panic", "rows 1"]));
    server.wait("rows", |state| {
        (rows_of(state, "rows 2; wait") == 2 && rows_of(state, "rows 1") == 1).then_some(())
    });
    server.wait("report of the panic", |state| {
        let mut logs = state
            .of("F.Monitoring")
            .filter_map(|message| message.log_message.as_ref());
        logs.any(|log| log.artifact == "Event.panic" && log.jsonl.contains("crashed"))
            .then_some(())
    });
    server.wait("report of the query that ended", |state| {
        let mut logs = state
            .of("F.Monitoring")
            .filter_map(|message| message.log_message.as_ref());
        logs.any(|log| log.artifact == "Event.rows 1" && log.jsonl.contains("has ended by itself"))
            .then_some(())
    });
    wait_for_version(&server, 10);

    // Equal queries keep running, older tables are ignored.
    server.task(table(11, &["rows 2; wait", "panic", "rows 1"]));
    wait_for_version(&server, 11);
    server.task(table(5, &["rows 9; wait"]));
    server.task(table(12, &["rows 3; wait"]));
    server.wait("rows", |state| {
        (rows_of(state, "rows 3; wait") == 3).then_some(())
    });
    wait_for_version(&server, 12);
    let sums = server.change(|state| (rows_of(state, "rows 2; wait"), rows_of(state, "rows 9; wait")));
    assert_eq!(sums, (2, 0));
    agent.stop();

    // Resumes before the server says anything.
    let agent = Agent::start(config(&server, "ws"), folder.path(), Arc::new(Words::default()));
    server.wait("rows", |state| {
        (rows_of(state, "rows 3; wait") == 6).then_some(())
    });
    server.task(table(13, &[]));
    wait_for_version(&server, 13);
    agent.stop();
}

#[test]
fn a_hanging_event_query_does_not_keep_the_next_table_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let words = Arc::new(Words::default());
    let agent = Agent::start(config(&server, "http"), folder.path(), Arc::clone(&words) as _);
    server.task(table(10, &["rows 2; gate; rows 7"]));
    server.wait("rows", |state| {
        (rows_of(state, "rows 2; gate; rows 7") == 2).then_some(())
    });
    server.task(table(11, &["rows 3; wait"]));
    server.wait("rows", |state| {
        (rows_of(state, "rows 3; wait") == 3).then_some(())
    });
    server.wait("report of the hanging query", |state| {
        let mut logs = state
            .of("F.Monitoring")
            .filter_map(|message| message.log_message.as_ref());
        logs.any(|log| log.jsonl.contains("was left behind"))
            .then_some(())
    });
    words.gate.open();
    server.task(table(12, &["rows 4; wait"]));
    server.wait("rows", |state| {
        (rows_of(state, "rows 4; wait") == 4).then_some(())
    });
    assert_eq!(server.change(|state| rows_of(state, "rows 2; gate; rows 7")), 2);
    agent.stop();
}

#[test]
fn what_is_lost_with_a_damaged_buffer_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let start = || Agent::start(config(&server, "http"), folder.path(), Arc::new(Words::default()));
    let agent = start();
    server.task(table(10, &["rows 2; wait"]));
    wait_for_version(&server, 10);
    agent.stop();
    let buffer = paths(folder.path()).buffer;
    let mut bytes = std::fs::read(&buffer).unwrap();
    bytes.extend([7; 1000]);
    std::fs::write(&buffer, bytes).unwrap();

    let agent = start();
    server.wait("a line in the log of the event query", |state| {
        let mut logs = state
            .of("F.Monitoring")
            .filter_map(|message| message.log_message.as_ref());
        logs.any(|log| {
            log.artifact == "Event.rows 2; wait"
                && log
                    .jsonl
                    .contains("1000 bytes of the agent's buffer were damaged")
        })
        .then_some(())
    });
    server.task(VeloMessage {
        session_id: "E.Status".into(),
        flow_stats_request: Some(FlowStatsRequest {
            flow_id: vec!["F.lost".into()],
        }),
        ..VeloMessage::default()
    });
    let end = server.wait_for_end("F.lost");
    let message = &end.query_status[0].error_message;
    assert!(message.contains("were damaged and are lost"), "{message}");
    agent.stop();
}
